(* Definitions of section 3. definition-decision-boundary: a classifier that is right on the support X has no zero
   there, so the printed DB, a part of X, is empty and every distance to it is infinite. definition-margin-split:
   where f_clean touches 0 without a change of sign, a point as far from DB(f_clean) as X_large asks has an error in
   its ball; repaired, X_small has every point nearer than delta to DB(f_clean) in R^d, mu = L_D^adv(f_clean), and
   X_large is robust. *)
From Coq Require Import Reals List Lra.
Require Import Network Memorizer Law Proposition31.
Import ListNotations.
Open Scope R_scope.

Section Definitions.
  Variables (X : Type) (dist : X -> X -> R) (f : X -> R).

  (* DB(f) as printed, inside the support. *)
  Definition printed_boundary (support : X -> Prop) (z : X) : Prop := support z /\ f z = 0 /\ forall eps, 0 < eps ->
    exists u v, support u /\ support v /\ dist u z <= eps /\ dist v z <= eps /\ f u * f v < 0.

  Theorem printed_boundary_is_empty (label : X -> R) (support : X -> Prop) :
    (forall x, support x -> 0 < label x * f x) -> forall z, ~ printed_boundary support z.
  Proof. intros right z (i & zero & _). specialize (right z i). rewrite zero in right. lra. Qed.

  (* X_small, repaired: the minimum of y f over the closed ball, attained in R^d, is <= 0. *)
  Variable delta : R.
  Hypothesis dist_sym : forall x y, dist x y = dist y x.
  Definition small (s : X * R) : Prop := attacked X dist delta f s.

  Theorem small_has_the_printed_part s :
    (exists z, boundary X dist f z /\ dist (fst s) z < delta) -> small s.
  Proof.
    intros (z & [zero _] & near). exists z. split; [rewrite dist_sym; lra |]. unfold wrong. rewrite zero. lra.
  Qed.
  Theorem large_is_robust s : ~ small s -> forall u, dist u (fst s) <= delta -> 0 < snd s * f u.
  Proof. intros large u near. apply Rnot_le_lt. intro w. apply large. exists u. split; assumption. Qed.
  Theorem mass_of_small (D : law (X * R)) : D small = adversarial_error X dist delta D f.
  Proof. reflexivity. Qed.
End Definitions.

(* |x - 1/2| - 4 relu(1/8 - x): DB = {0}, and f touches 0 at 1/2. *)
Definition touching_net : list layer := [[([1], - (1 / 2)); ([-1], 1 / 2); ([-1], 1 / 8)]; [([1; 1; -4], 0)]].
Definition touching (x : R) : R := Rabs (x - 1 / 2) - 4 * relu (1 / 8 - x).

Lemma touching_computes x : eval touching_net [x] = [touching x].
Proof.
  unfold touching_net, touching. simpl. f_equal. replace (1 * x + 0 + - (1 / 2)) with (x - 1 / 2) by ring.
  replace (-1 * x + 0 + 1 / 2) with (- (x - 1 / 2)) by ring. replace (-1 * x + 0 + 1 / 8) with (1 / 8 - x) by ring.
  assert (Rabs (x - 1 / 2) = relu (x - 1 / 2) + relu (- (x - 1 / 2))) as ->; [| ring].
  unfold Rabs. destruct Rcase_abs; relu_split; lra.
Qed.
Lemma boundary_of_touching z : boundary R line touching z -> z = 0.
Proof.
  intros [zero signs]. destruct (Req_dec z 0) as [e | n]; [exact e | exfalso].
  assert (z = 1 / 2) as ->.
  { unfold touching in zero. revert zero. unfold Rabs. destruct Rcase_abs; relu_split; lra. }
  destruct (signs (1 / 4) ltac:(lra)) as (u & v & du & dv & opposite).
  assert (forall t, Rabs (t - 1 / 2) <= 1 / 4 -> 0 <= touching t) as pos.
  { intros t h. unfold touching. rewrite relu_neg; [pose proof (Rabs_pos (t - 1 / 2)); lra |].
    unfold Rabs in h. destruct Rcase_abs in h; lra. }
  pose proof (pos u du). pose proof (pos v dv). nra.
Qed.

Theorem printed_margin_split_fails delta : 0 < delta <= 1 / 4 ->
  let x := 1 / 2 + delta / 2 in 0 < 1 * touching x /\
  (forall z, boundary R line touching z -> delta <= Rabs (x - z)) /\ small R line touching delta (x, 1).
Proof.
  intros range x. unfold x. clear x. split; [| split].
  - unfold touching. rewrite relu_neg, Rabs_pos_eq by lra. lra.
  - intros z b. apply boundary_of_touching in b. subst z. rewrite Rabs_pos_eq; lra.
  - exists (1 / 2). unfold wrong, touching. simpl. split; [unfold Rabs; destruct Rcase_abs; lra |].
    rewrite relu_neg by lra. replace (1 / 2 - 1 / 2) with 0 by ring. rewrite Rabs_R0. lra.
Qed.
