(* Assumption 6.1. Repaired: with L_small <= C L_large, errors on the small- and the large-margin part of D of masses
   mu and 1 - mu, L_D^clean(f) <= (1 - mu + mu C) L_large. Printed, for one D and one f with L_large > 0 some C
   always does; a classifier without a clean error meets it with C = 0. assumption-6.1-remark, repaired: if (x/||x||,
   y) has the same law on both parts and f(t x) = t^k f(x) for t > 0, the errors are equal; printed it fails: the
   directions decide. *)
From Coq Require Import Reals List Lra.
Require Import Network Vectors Memorizer Law.
Import ListNotations.
Open Scope R_scope.

Section Transfer.
  Variables (X : Type) (D : law (X * R)) (small : X * R -> Prop) (f : X -> R) (mu : R).
  Hypotheses (mu_range : 0 < mu < 1) (small_mass : D small = mu) (large_mass : D (fun z => ~ small z) = 1 - mu).
  Definition error (z : X * R) : Prop := wrong X f (fst z) (snd z).
  Definition L_small : R := D (fun z => error z /\ small z) / mu.
  Definition L_large : R := D (fun z => error z /\ ~ small z) / (1 - mu).

  Lemma shares_nonneg : 0 <= L_small /\ 0 <= L_large.
  Proof.
    split; apply Rmult_le_pos; try apply mass_nonneg; apply Rlt_le, Rinv_0_lt_compat; lra.
  Qed.

  Theorem assumption_6_1 C : L_small <= C * L_large -> clean_error X D f <= (1 - mu + mu * C) * L_large.
  Proof.
    intro transfer. pose proof (mass_difference _ D error (fun z => error z /\ small z) (fun z => error z /\
      ~ small z)) as split_.
    assert (clean_error X D f - D (fun z => error z /\ ~ small z) <= D (fun z => error z /\ small z)) as both.
    { apply split_. intros z e. destruct (decide (small z)); tauto. }
    assert (D (fun z => error z /\ small z) = mu * L_small) as a by (unfold L_small; field; lra).
    assert (D (fun z => error z /\ ~ small z) = (1 - mu) * L_large) as b by (unfold L_large; field; lra).
    rewrite a, b in both. apply Rmult_le_compat_l with (r := mu) in transfer; lra.
  Qed.

  Theorem printed_assumption_says_nothing : 0 < L_large -> exists C, 0 <= C /\ L_small <= C * L_large.
  Proof.
    intro pos. destruct shares_nonneg as [s _]. exists (L_small / L_large). split.
    - apply Rmult_le_pos; [exact s | apply Rlt_le, Rinv_0_lt_compat, pos].
    - right. field. lra.
  Qed.

  Theorem no_clean_error_needs_no_constant : clean_error X D f = 0 -> L_small <= 0 * L_large.
  Proof.
    intro none. assert (D (fun z => error z /\ small z) = 0) as e.
    { apply Rle_antisym; [| apply mass_nonneg]. rewrite <- none. apply mass_monotone. tauto. }
    unfold L_small. rewrite e. unfold Rdiv. lra.
  Qed.
End Transfer.

Section Homogeneous.
  (* laws of the two parts, on R^d without 0 *)
  Variables (D_small D_large : law (list R * R)) (norm : list R -> R) (f : list R -> R) (k : R).
  Notation direction z := (scale (/ norm (fst z)) (fst z), snd z).
  Hypothesis not_zero_small : D_small (fun z => ~ 0 < norm (fst z)) = 0.
  Hypothesis not_zero_large : D_large (fun z => ~ 0 < norm (fst z)) = 0.
  Hypothesis same_directions : forall E : list R * R -> Prop,
    D_small (fun z => E (direction z)) = D_large (fun z => E (direction z)).
  Hypothesis homogeneous : forall t x, 0 < t -> f (scale t x) = Rpower t k * f x.

  Lemma error_of_direction x y : 0 < norm x -> (wrong _ f x y <-> wrong _ f (scale (/ norm x) x) y).
  Proof.
    intro pos. unfold wrong. rewrite homogeneous by (apply Rinv_0_lt_compat, pos).
    assert (0 < Rpower (/ norm x) k) by apply exp_pos. split; intro; nra.
  Qed.
  Lemma error_by_directions (D : law (list R * R)) : D (fun z => ~ 0 < norm (fst z)) = 0 ->
    clean_error (list R) D f = D (fun z => wrong _ f (fst (direction z)) (snd (direction z))).
  Proof.
    intro none. unfold clean_error. apply Rle_antisym; apply mass_almost with (1 := none); intros z w; simpl in *;
      (destruct (decide (0 < norm (fst z))) as [p | p]; [left; apply (error_of_direction _ _ p); assumption | right;
        exact p]).
  Qed.

  Theorem assumption_6_1_remark : clean_error (list R) D_small f = clean_error (list R) D_large f.
  Proof.
    rewrite !error_by_directions by assumption.
    apply (same_directions (fun z => wrong _ f (fst z) (snd z))).
  Qed.
End Homogeneous.

(* x_1 - x_2 is homogeneous; large margin (1, 1/2) with +1, (1/2, 1) with -1, small margin (t, 2t) with +1,
  t < delta: near
   the boundary of f_clean = x_1 - x_2 + 2 t, right on all three. L_large = 0, L_small = 1, however small the norm. *)
Definition difference (t : R) (x : list R) : R := nth 0 x 0 - nth 1 x 0 + t.
Definition large_points : list (list R * R) := [([1; 1 / 2], 1); ([1 / 2; 1], -1)].
Definition small_points (t : R) : list (list R * R) := [([t; 2 * t], 1)].

Theorem printed_remark_fails t C : 0 < t < 1 / 8 ->
  (forall s x, 0 < s -> length x = 2%nat -> difference 0 (scale s x) = s * difference 0 x) /\
  (forall z, In z (large_points ++ small_points t) -> 0 < snd z * difference (2 * t) (fst z)) /\
  C * clean_error (list R) (uniform large_points) (difference 0) <
    clean_error (list R) (uniform (small_points t)) (difference 0).
Proof.
  intro range. split; [| split].
  - intros s [| a [| b [| c x]]] _ e; try discriminate. unfold difference. simpl. ring.
  - intros z [<- | [<- | [<- | []]]]; unfold difference; simpl; lra.
  - unfold clean_error. rewrite (uniform_zero _ large_points).
    + apply Rlt_le_trans with (/ INR (length (small_points t))); [simpl; lra |].
      apply uniform_positive with (a := ([t; 2 * t], 1)); [simpl; auto |]. unfold wrong, difference. simpl. lra.
    + intros z [<- | [<- | []]]; unfold wrong, difference; simpl; lra.
Qed.
