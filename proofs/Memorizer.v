(* Theorem 3.3 and Corollary 3.4 for any metric and any soft indicators, 1 on the balls and 0 off the shells: f_hat =
   f_adv off the shells; y_i f_hat > 0 on the balls of the sample, and >= 1 on those of the memorized points, for shells
   of width at most R - 2 delta; and f_hat is right where f_clean is, for delta + gamma <= R. *)
From Coq Require Import Reals List Lra Bool.
Require Import Network.
Import ListNotations.
Open Scope R_scope.

Lemma sum_nonneg l : (forall v, In v l -> 0 <= v) -> 0 <= sum l.
Proof.
  induction l as [| a l IH]; simpl; intro h; [lra |].
  assert (0 <= a) by (apply h; auto). assert (0 <= sum l) by (apply IH; auto). lra.
Qed.

Lemma sum_ge_one_term l v : (forall v, In v l -> 0 <= v) -> In v l -> v <= sum l.
Proof.
  induction l as [| a l IH]; simpl; intros h i; [contradiction |].
  assert (0 <= a) by (apply h; auto). assert (0 <= sum l) by (apply sum_nonneg; auto).
  destruct i as [-> | i]; [lra |]. specialize (IH (fun v j => h v (or_intror j)) i). lra.
Qed.

Lemma sum_of_zeros (A : Type) (l : list A) : sum (map (fun _ => 0) l) = 0.
Proof. induction l as [| a l IH]; simpl; [reflexivity | rewrite IH; lra]. Qed.

Section Memorizer.
  Variable X : Type.                        (* inputs; R^d *)
  Variable dist : X -> X -> R.              (* of the norm *)
  Variable Omega : X -> Prop.               (* the box *)
  Variables delta gamma : R.                (* radius and shell *)
  Variable small : list (X * R).            (* memorized points with their labels *)
  Variable f_clean : X -> R.
  Variable I : X -> X -> R.                 (* I c x: the soft indicator of the ball around c *)
  Variable M : R.

  Hypothesis gamma_pos : 0 < gamma.
  Hypothesis inside : forall c x, Omega x -> dist x c <= delta -> I c x = 1.
  Hypothesis outside : forall c x, Omega x -> delta + gamma <= dist x c -> I c x = 0.
  Hypothesis range : forall c x, Omega x -> 0 <= I c x <= 1.
  Hypothesis bound : forall x, Omega x -> Rabs (f_clean x) <= M.

  Definition in_ball (x : X) (cy : X * R) : bool := if Rle_dec (dist x (fst cy)) delta then true else false.
  Definition one (b : bool) : R := if b then 1 else 0.

  (* The paper's ideal classifier. *)
  Definition f_adv (x : X) : R :=
    sum (map (fun cy => snd cy * one (in_ball x cy)) small) + f_clean x * one (negb (existsb (in_ball x) small)).

  (* The network: memory, total, lock, two gate neurons. *)
  Definition memory (x : X) : R := sum (map (fun cy => snd cy * I (fst cy) x) small).
  Definition total (x : X) : R := sum (map (fun cy => I (fst cy) x) small).
  Definition lock (x : X) : R := relu (1 - relu (1 - total x)).
  Definition f_hat (x : X) : R := memory x + relu (f_clean x - M * lock x) - relu (- f_clean x - M * lock x).

  Definition off_shells (x : X) : Prop :=
    forall cy, In cy small -> dist x (fst cy) <= delta \/ delta + gamma <= dist x (fst cy).

  Lemma indicator_off_shells x cy : Omega x -> off_shells x -> In cy small -> I (fst cy) x = one (in_ball x cy).
  Proof.
    intros box off i. unfold in_ball. destruct (off cy i) as [h | h]; destruct Rle_dec; simpl; try lra.
    - apply inside; assumption.
    - apply outside; assumption.
  Qed.

  Lemma total_nonneg x : Omega x -> 0 <= total x.
  Proof.
    intro box. apply sum_nonneg. intros v i. apply in_map_iff in i. destruct i as (cy & <- & _). apply range, box.
  Qed.

  Lemma total_ge cy x : Omega x -> In cy small -> I (fst cy) x <= total x.
  Proof.
    intros box i. apply sum_ge_one_term.
    - intros v j. apply in_map_iff in j. destruct j as (? & <- & _). apply range, box.
    - apply (in_map (fun cy => I (fst cy) x)), i.
  Qed.

  Lemma bound_cases x : Omega x -> - M <= f_clean x <= M /\ 0 <= M.
  Proof.
    intro box. pose proof (bound x box) as b. pose proof (Rabs_pos (f_clean x)). unfold Rabs in *.
    destruct Rcase_abs; lra.
  Qed.

  (* Theorem 3.3, repaired: equality, everywhere on the box off the shells. No separation is needed. *)
  Theorem f_hat_is_f_adv x : Omega x -> off_shells x -> f_hat x = f_adv x.
  Proof.
    intros box off. destruct (bound_cases x box) as [[lower upper] nonneg].
    assert (memory x = sum (map (fun cy => snd cy * one (in_ball x cy)) small)) as same.
    { unfold memory. f_equal. apply map_ext_in. intros cy i. rewrite (indicator_off_shells x cy box off i).
      reflexivity. }
    unfold f_hat, f_adv. rewrite same. destruct (existsb (in_ball x) small) eqn:some.
    - apply existsb_exists in some. destruct some as (cy & i & b).
      pose proof (total_ge cy x box i) as big. rewrite (indicator_off_shells x cy box off i), b in big. simpl in big.
      assert (lock x = 1) as -> by (unfold lock; rewrite (relu_neg (1 - total x)) by lra; rewrite relu_pos; lra).
      rewrite !relu_neg by lra. simpl. lra.
    - assert (total x = 0) as zero.
      { unfold total. rewrite (map_ext_in _ (fun _ => 0)).
        - apply sum_of_zeros.
        - intros cy i. rewrite (indicator_off_shells x cy box off i).
          destruct (in_ball x cy) eqn:e; [| reflexivity].
          exfalso. assert (existsb (in_ball x) small = true) by (apply existsb_exists; exists cy; auto). congruence. }
      assert (lock x = 0) as -> by (unfold lock; rewrite zero, Rminus_0_r, (relu_pos 1), relu_neg; lra).
      simpl. relu_split; lra.
  Qed.

  (* Every active indicator has the label y, and one is fully on or the clean classifier is right: so is f_hat. *)
  Definition is_label (y : R) : Prop := y = 1 \/ y = -1.

  Lemma memory_of_one_label x y : Omega x ->
    (forall cy, In cy small -> 0 < I (fst cy) x -> snd cy = y) -> memory x = y * total x.
  Proof.
    intros box same. unfold memory, total. clear - box same range. induction small as [| cy l IH]; simpl; [lra |].
    rewrite IH by (intros; apply same; simpl; auto).
    destruct (range (fst cy) x box) as [[pos | zero] _].
    - rewrite (same cy) by (simpl; auto). ring.
    - rewrite <- zero. ring.
  Qed.

  Lemma right_label x y : Omega x -> is_label y ->
    (forall cy, In cy small -> 0 < I (fst cy) x -> snd cy = y) ->
    0 < y * f_clean x \/ (exists cy, In cy small /\ I (fst cy) x = 1) ->
    0 < y * f_hat x.
  Proof.
    intros box label same enough. destruct (bound_cases x box) as [b nonneg].
    pose proof (total_nonneg x box) as t. unfold f_hat. rewrite (memory_of_one_label x y box same).
    assert (1 <= total x \/ 0 < y * f_clean x) as [one_on | right].
    { destruct enough as [r | (cy & i & e)]; [right; exact r | left; rewrite <- e; apply total_ge; assumption]. }
    - assert (lock x = 1) as -> by (unfold lock; rewrite (relu_neg (1 - total x)) by lra; rewrite relu_pos; lra).
      rewrite !relu_neg by lra. destruct label as [-> | ->]; lra.
    - assert (0 <= lock x /\ (total x = 0 -> lock x = 0)) as [l z].
      { unfold lock. split; [apply relu_nonneg | intros ->]. rewrite Rminus_0_r, (relu_pos 1), relu_neg; lra. }
      assert (0 <= M * lock x) as ml by (apply Rmult_le_pos; lra).
      destruct (Req_dec (total x) 0) as [zero | positive].
      + rewrite zero, (z zero). destruct label as [-> | ->]; relu_split; lra.
      + destruct label as [-> | ->]; relu_split; nra.
  Qed.

  (* The sign of f is an error at x for the label y; f = 0 is one for both. *)
  Definition wrong (f : X -> R) (x : X) (y : R) : Prop := y * f x <= 0.

  (* Corollary 3.4 (ii): right wherever the clean classifier is, off the wider balls of the other label. *)
  Theorem no_clean_error z y : Omega z -> is_label y -> 0 < y * f_clean z ->
    (forall cy, In cy small -> snd cy <> y -> delta + gamma <= dist z (fst cy)) -> ~ wrong f_hat z y.
  Proof.
    intros box label right far w. enough (0 < y * f_hat z) by (unfold wrong in w; lra).
    apply right_label; [assumption | assumption | | left; exact right].
    intros cy j on. destruct (Req_dec (snd cy) y) as [e | n]; [exact e | exfalso].
    assert (I (fst cy) z = 0) by (apply outside; [assumption | exact (far cy j n)]). lra.
  Qed.

  (* Corollary 3.4 (i). *)
  Section Training.
    Variable S : list (X * R).
    Variable separation : R.
    Hypothesis labels : forall s, In s S -> is_label (snd s).
    Hypothesis memorized : forall s, In s small -> In s S.
    Hypothesis separated : forall s t, In s S -> In t S -> snd s <> snd t -> separation <= dist (fst s) (fst t).
    Hypothesis shell_fits : gamma <= separation - 2 * delta.
    Hypothesis sym : forall x y, dist x y = dist y x.
    Hypothesis triangle : forall s t x, In s S -> In t S -> Omega x ->
      dist (fst s) (fst t) <= dist (fst s) x + dist x (fst t).
    Variable point : X -> Prop.             (* of dimension d *)
    Hypothesis box_contains_balls : forall s x, In s S -> point x -> dist x (fst s) <= delta -> Omega x.
    (* Large margin: f_clean is right on the whole ball of every point that is not memorized. *)
    Hypothesis large : forall s x, In s S -> point x -> dist x (fst s) <= delta -> In s small \/ 0 < snd s * f_clean x.

    Lemma active_has_label s cy x : In s S -> Omega x -> dist x (fst s) <= delta -> In cy small -> 0 < I (fst cy) x ->
      snd cy = snd s.
    Proof.
      intros i box near j on.
      destruct (Req_dec (snd cy) (snd s)) as [e | n]; [exact e | exfalso].
      pose proof (separated cy s (memorized cy j) i n) as far. pose proof (triangle cy s x (memorized cy j) i box) as
        tri.
      rewrite (sym (fst cy) x) in tri.
      assert (I (fst cy) x = 0) by (apply outside; [assumption | lra]). lra.
    Qed.

    Theorem no_adversarial_training_error s : In s S -> ~ exists x, point x /\ dist x (fst s) <= delta /\
      wrong f_hat x (snd s).
    Proof.
      intros i (x & pt & near & w). assert (Omega x) as box by (apply box_contains_balls with s; assumption).
      enough (0 < snd s * f_hat x) by (unfold wrong in w; lra).
      apply right_label; [assumption | apply labels, i | |].
      - intros cy j on. apply active_has_label with x; assumption.
      - destruct (large s x i pt near) as [k | r]; [right | left; exact r].
        exists s. split; [exact k |]. apply inside; assumption.
    Qed.

    (* On the ball of a memorized point the margin is at least 1. *)
    Theorem memorized_margin s x : In s small -> point x -> dist x (fst s) <= delta -> 1 <= snd s * f_hat x.
    Proof.
      intros k pt near. pose proof (memorized s k) as i. assert (Omega x) as box by (apply box_contains_balls with s;
        assumption).
      destruct (bound_cases x box) as [b nonneg]. pose proof (total_ge s x box k) as t.
      rewrite (inside (fst s) x box near) in t.
      unfold f_hat. rewrite (memory_of_one_label x (snd s) box) by (intros cy j on; apply active_has_label with x;
        assumption).
      assert (lock x = 1) as -> by (unfold lock; rewrite (relu_neg (1 - total x)) by lra; rewrite relu_pos; lra).
      rewrite !relu_neg by lra. destruct (labels s i) as [-> | ->]; lra.
    Qed.
  End Training.
End Memorizer.
