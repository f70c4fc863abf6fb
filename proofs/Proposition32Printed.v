(* Proposition 3.2 (i) and (iii), and corollary-3.4 (iii), as printed are false, on the line and with all assumptions
   met. (i): half way between training points of opposite labels the indicators cancel. (iii): for D uniform on S
   f_adv has no adversarial error, f_clean has one; and so has no f at all with L_S^adv(f) = 0, whatever the
   constant. *)
From Coq Require Import Reals List Lra.
Require Import Network Memorizer Law Proposition32.
Import ListNotations.
Open Scope R_scope.

Definition line (x y : R) : R := Rabs (x - y).
Ltac abs := unfold line, Rabs in *; repeat destruct Rcase_abs; lra.

Lemma line_sym x y : line x y = line y x.
Proof. apply Rabs_minus_sym. Qed.
Lemma line_triangle x y z : line x z <= line x y + line y z.
Proof. abs. Qed.

(* All data of D carry +1 or -1, and those within delta of a training point have its label. *)
Definition consistent (delta : R) (D : law (R * R)) (S : list (R * R)) : Prop := D (fun z =>
  ~ (is_label (snd z) /\ forall s, In s S -> line (fst z) (fst s) <= delta -> snd s = snd z)) = 0.
(* S_small: the training points on whose ball f_clean is somewhere wrong. *)
Definition small_part (delta : R) (f : R -> R) (S small : list (R * R)) : Prop :=
  forall s, In s small <-> In s S /\ attacked R line delta f s.

(* The points 3/8 and 3/4, labels -1 and +1, radius 1/4, f_clean(x) = x - 9/16. *)
Section Cancelling.
  Definition near_pair : list (R * R) := [(3 / 8, -1); (3 / 4, 1)].
  Definition middle_clean (x : R) : R := x - 9 / 16.

  Theorem printed_proposition_3_2_i_fails :
    consistent (1 / 4) (uniform near_pair) near_pair /\ clean_error R (uniform near_pair) middle_clean = 0 /\
    small_part (1 / 4) middle_clean near_pair near_pair /\
    0 < adversarial_error R line (1 / 4) (uniform near_pair) (f_adv R line (1 / 4) near_pair middle_clean).
  Proof.
    split; [| split; [| split]].
    - apply uniform_zero. intros z [<- | [<- | []]] n; apply n; clear n; (split; [unfold is_label; simpl; lra |]);
        intros s [<- | [<- | []]]; simpl; intro h; try reflexivity; exfalso; abs.
    - apply uniform_zero. intros z [<- | [<- | []]]; unfold wrong, middle_clean; simpl; lra.
    - intro s. split; [| tauto]. intro i. split; [exact i |]. exists (9 / 16).
      destruct i as [<- | [<- | []]]; unfold wrong, middle_clean; simpl; split; try lra; abs.
    - apply Rlt_le_trans with (/ INR (length near_pair)); [simpl; lra |].
      apply uniform_positive with (a := (3 / 4, 1)); [simpl; auto |]. exists (9 / 16). split; [simpl; abs |].
      unfold wrong, f_adv, near_pair, in_ball. simpl.
      destruct (Rle_dec (line (9 / 16) (3 / 8)) (1 / 4)) as [l | l]; [| exfalso; apply l; abs].
      destruct (Rle_dec (line (9 / 16) (3 / 4)) (1 / 4)) as [r | r]; [| exfalso; apply r; abs]. simpl. lra.
  Qed.
End Cancelling.

(* The points 0 and 3/4, labels -1 and +1, radius 1/4, f_clean(x) = x - 5/8; D is uniform on them, S has both. *)
Definition far_pair : list (R * R) := [(0, -1); (3 / 4, 1)].
Definition right_clean (x : R) : R := x - 5 / 8.
Definition memorized_point : list (R * R) := [(3 / 4, 1)].

Definition assumptions : Prop :=
  consistent (1 / 4) (uniform far_pair) far_pair /\ clean_error R (uniform far_pair) right_clean = 0 /\
  small_part (1 / 4) right_clean far_pair memorized_point /\
  (forall s t, In s far_pair -> In t far_pair -> snd s <> snd t -> 2 * (1 / 4) < line (fst s) (fst t)).
Lemma far_pair_meets_the_assumptions : assumptions.
Proof.
  split; [| split; [| split]].
  - apply uniform_zero. intros z [<- | [<- | []]] n; apply n; clear n; (split; [unfold is_label; simpl; lra |]);
      intros s [<- | [<- | []]]; simpl; intro h; try reflexivity; exfalso; abs.
  - apply uniform_zero. intros z [<- | [<- | []]]; unfold wrong, right_clean; simpl; lra.
  - intro s. split.
    + intros [<- | []]. split; [simpl; auto |]. exists (5 / 8). unfold wrong, right_clean. simpl. split; [abs | lra].
    + intros [[<- | [<- | []]] (u & b & w)]; [| simpl; auto]. exfalso. unfold wrong, right_clean in w. simpl in *. abs.
  - intros s t [<- | [<- | []]] [<- | [<- | []]]; simpl; intro; try lra; abs.
Qed.

Lemma clean_error_of_far_pair : 0 < adversarial_error R line (1 / 4) (uniform far_pair) right_clean.
Proof.
  apply Rlt_le_trans with (/ INR (length far_pair)); [simpl; lra |].
  apply uniform_positive with (a := (3 / 4, 1)); [simpl; auto |]. exists (5 / 8).
  unfold wrong, right_clean. simpl. split; [abs | lra].
Qed.

Theorem printed_proposition_3_2_iii_fails : assumptions /\ forall c, 0 < c ->
  adversarial_error R line (1 / 4) (uniform far_pair) (f_adv R line (1 / 4) memorized_point right_clean) <
  c * adversarial_error R line (1 / 4) (uniform far_pair) right_clean.
Proof.
  split; [exact far_pair_meets_the_assumptions |]. intros c pos. pose proof clean_error_of_far_pair as positive.
  destruct far_pair_meets_the_assumptions as (_ & _ & small & apart).
  rewrite (proposition_3_2_i R line line_sym line_triangle (1 / 4) right_clean far_pair memorized_point); [nra | | | |].
  - intros s [<- | [<- | []]]; unfold is_label; simpl; lra.
  - intros s i. apply small in i. apply i.
  - exact apart.
  - intros s u i out near. apply Rnot_le_lt. intro w. apply out, small. split; [exact i |]. exists u. split; assumption.
Qed.

(* Corollary 3.4: items (i), even as L_S^adv = 0, and (iii) exclude each other for D uniform on S. *)
Theorem printed_corollary_3_4_iii_fails : assumptions /\ forall c f, 0 < c ->
  adversarial_error R line (1 / 4) (uniform far_pair) f = 0 ->
  adversarial_error R line (1 / 4) (uniform far_pair) f <
  c * adversarial_error R line (1 / 4) (uniform far_pair) right_clean.
Proof.
  split; [exact far_pair_meets_the_assumptions |]. intros c f pos ->. pose proof clean_error_of_far_pair. nra.
Qed.
