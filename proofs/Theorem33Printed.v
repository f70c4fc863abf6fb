(* Theorem 3.3 as printed is false, whatever the number of parameters: f_adv jumps, a ReLU network does not. In one
   dimension, with a clean network that is right on the data, opposite labels 2 delta apart and more, S_small as
   defined: for the points 0 and 1/2 + delta/2 no network is within any eps < 1/2 + delta/4 of f_adv on the whole of [0,
   1]. *)
From Coq Require Import Reals List Lra.
Require Import Network Memorizer ContinuousNetwork.
Import ListNotations.
Open Scope R_scope.

Definition distance (x y : R) : R := Rabs (x - y).
Definition boundary (f : R -> R) (z : R) : Prop :=
  f z = 0 /\ forall eps, 0 < eps -> exists u v, distance u z <= eps /\ distance v z <= eps /\ f u * f v < 0.

(* S has labels 1 and -1, opposite ones at least `separation` apart; `small` are the points of margin below delta. *)
Definition printed_theorem_3_3 : Prop :=
  forall (delta separation : R) (S small : list (R * R)) (clean : list layer) (f_clean : R -> R),
    0 < delta < separation / 2 ->
    (forall s, In s S -> 0 <= fst s <= 1 /\ (snd s = 1 \/ snd s = -1)) ->
    (forall s t, In s S -> In t S -> snd s <> snd t -> separation <= distance (fst s) (fst t)) ->
    (forall x, eval clean [x] = [f_clean x]) ->
    (forall s, In s S -> 0 < snd s * f_clean (fst s)) ->
    (forall s, In s small <-> In s S /\ exists z, boundary f_clean z /\ distance (fst s) z < delta) ->
    forall eps, 0 < eps ->
      exists net, forall x, 0 <= x <= 1 -> Rabs (nth 0 (eval net [x]) 0 - f_adv R distance delta small f_clean x) < eps.

Section Witness.
  Variable delta : R.
  Hypothesis delta_range : 0 < delta < 1 / 3.

  (* One dimension, f_clean(x) = x - 1/2, the points 0 (label -1) and 1/2 + delta/2 (label +1). *)
  Definition clean_net : list layer := [[([1], - (1 / 2))]].
  Definition f_clean_w (x : R) : R := x - 1 / 2.
  Definition centre : R := 1 / 2 + delta / 2.
  Definition sample_w : list (R * R) := [(0, -1); (centre, 1)].
  Definition ideal : R -> R := f_adv R distance delta [(centre, 1)] f_clean_w.

  Ltac abs := unfold distance, f_clean_w, centre, Rabs in *; repeat destruct Rcase_abs; lra.

  (* The hypotheses of the theorem hold: a clean network, right on the data, ... *)
  Lemma clean_is_network x : eval clean_net [x] = [f_clean_w x].
  Proof. unfold clean_net, f_clean_w. simpl. f_equal. ring. Qed.
  Lemma clean_is_right s : In s sample_w -> 0 <= fst s <= 1 /\ 0 < snd s * f_clean_w (fst s).
  Proof. unfold sample_w, f_clean_w, centre. simpl. intros [<- | [<- | []]]; simpl; lra. Qed.
  (* ... and S_small is the second point alone, its distance to the decision boundary {1/2} being less than delta. *)
  Lemma boundary_of_clean z : boundary f_clean_w z <-> z = 1 / 2.
  Proof.
    split; [intros [e _]; unfold f_clean_w in e; lra | intros ->]. split; [unfold f_clean_w; lra |].
    intros eps pos. exists (1 / 2 + eps), (1 / 2 - eps). repeat split; try abs. unfold f_clean_w. nra.
  Qed.
  Lemma small_is s : In s sample_w -> ((exists z, boundary f_clean_w z /\ distance (fst s) z < delta) <->
    s = (centre, 1)).
  Proof.
    unfold sample_w. simpl. intros [<- | [<- | []]]; split; simpl; intro h.
    - destruct h as (z & b & d). apply boundary_of_clean in b. subst z. exfalso. abs.
    - injection h as h. unfold centre in h. lra.
    - reflexivity.
    - exists (1 / 2). split; [apply boundary_of_clean; reflexivity | abs].
  Qed.

  Lemma ideal_inside x : distance x centre <= delta -> ideal x = 1.
  Proof.
    intro h. unfold ideal, f_adv. simpl. unfold in_ball. simpl. destruct Rle_dec; [simpl; lra | contradiction].
  Qed.
  Lemma ideal_outside x : ~ distance x centre <= delta -> ideal x = x - 1 / 2.
  Proof.
    intro h. unfold ideal, f_adv. simpl. unfold in_ball. simpl. destruct Rle_dec; [contradiction | simpl;
      unfold f_clean_w; lra].
  Qed.

  (* No continuous function comes nearer to f_adv than half of the jump, 1/2 + delta/4. *)
  Theorem no_continuous_function_is_near g eps :
    continuity g -> (forall x, 0 <= x <= 1 -> Rabs (g x - ideal x) < eps) -> 1 / 2 + delta / 4 <= eps.
  Proof.
    intros cont near. destruct (Rle_lt_dec (1 / 2 + delta / 4) eps) as [h | short]; [exact h | exfalso].
    set (jump := 1 / 2 - delta / 2). set (room := 1 / 2 + delta / 4 - eps).
    assert (0 < room) as room_pos by (unfold room; lra).
    destruct (cont jump room room_pos) as (a & ap & step).
    set (h := Rmin (a / 2) (Rmin (room / 2) (1 / 6))).
    assert (0 < h /\ h <= a / 2 /\ h <= room / 2 /\ h <= 1 / 6) as (hp & ha & hr & hs).
    { unfold h. repeat split.
      - repeat apply Rmin_pos; lra.
      - apply Rmin_l.
      - eapply Rle_trans; [apply Rmin_r | apply Rmin_l].
      - eapply Rle_trans; [apply Rmin_r | apply Rmin_r]. }
    pose proof (near jump) as right. pose proof (near (jump - h)) as left.
    rewrite ideal_inside in right by (unfold jump; abs).
    rewrite ideal_outside in left by (unfold jump; abs).
    specialize (step (jump - h)). simpl in step. unfold R_dist in step.
    assert (Rabs (g (jump - h) - g jump) < room) as close.
    { apply step. split; [split; [exact I | lra] |]. replace (jump - h - jump) with (- h) by ring.
      rewrite Rabs_Ropp, Rabs_pos_eq; lra. }
    specialize (right ltac:(unfold jump; lra)). specialize (left ltac:(unfold jump; lra)).
    unfold jump, room in *. revert right left close. unfold Rabs. repeat destruct Rcase_abs; lra.
  Qed.

  Theorem no_network_is_near eps : eps < 1 / 2 + delta / 4 ->
    ~ exists net, forall x, 0 <= x <= 1 -> Rabs (nth 0 (eval net [x]) 0 - ideal x) < eps.
  Proof.
    intros small_eps (net & near).
    assert (continuity (fun x => nth 0 (eval net [x]) 0)) as c.
    { apply (continuous_eval net (fun x => [x])). intro i. destruct i as [| i].
      - apply (derivable_continuous id), derivable_id.
      - apply continuity_ext with (fun _ => 0); [intro; destruct i; reflexivity | apply continuity_const; intros x y;
        reflexivity]. }
    pose proof (no_continuous_function_is_near _ eps c near). lra.
  Qed.
End Witness.

Theorem printed_theorem_3_3_fails : ~ printed_theorem_3_3.
Proof.
  intro h. assert (0 < 1 / 4 < 1 / 3) as range by lra.
  apply (no_network_is_near (1 / 4) range (1 / 2) ltac:(lra)).
  apply (h (1 / 4) (5 / 8) (sample_w (1 / 4)) [(centre (1 / 4), 1)] clean_net f_clean_w); try lra.
  - intros s i. split; [apply (clean_is_right (1 / 4) range s i) |].
    unfold sample_w in i. simpl in i. destruct i as [<- | [<- | []]]; simpl; auto.
  - intros s t i j n. unfold sample_w in *. simpl in i, j.
    destruct i as [<- | [<- | []]], j as [<- | [<- | []]]; simpl in *; try lra; unfold distance, centre, Rabs;
      destruct Rcase_abs; lra.
  - exact clean_is_network.
  - intros s i. apply (clean_is_right (1 / 4) range s i).
  - intro s. split.
    + intros [<- | []]. split; [simpl; auto |]. apply (small_is (1 / 4) range); simpl; auto.
    + intros [i b]. left. symmetry. apply (small_is (1 / 4) range s i), b.
Qed.
