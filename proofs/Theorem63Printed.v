(* Theorem 6.3 as printed is refuted, for d >= 2: for all constants C, C' and Delta there are N and delta such that
   for every sample of N points and every D with a density <= kappa the loss of Theorem63Ramp.v has a robust gap > C
   N^(-1/(d+2)) (flatness + C'/sqrt Delta): its gap is near 1, while its flatness falls with delta^(d-1). *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Linf Vectors Memorizer Law Theorem63Ramp.
Import ListNotations.
Open Scope R_scope.

(* There is such an E for every D, the supremum of c D(A) over all c 1_A <= f. *)
Lemma mean_of_every_law (A : Type) (D : law A) : exists E : (A -> R) -> R,
  (forall f g b, (forall x, 0 <= f x <= g x /\ g x <= b) -> E f <= E g) /\
  (forall c B, 0 <= c -> E (fun x => c * truth (B x)) = c * D B).
Proof.
  set (below := fun (f : A -> R) a => exists c B, 0 <= c /\ (forall x, c * truth (B x) <= f x) /\ a = c * D B).
  assert (forall f a, below f a -> forall b, (forall x, f x <= b) -> 0 <= b -> a <= b * D (fun _ => True)) as bounded.
  { intros f a (c & B & cp & h & ->) b top bp. destruct (decide (exists x, B x)) as [(x & i) | no].
    - specialize (h x). rewrite truth_true in h by exact i. specialize (top x).
      apply Rmult_le_compat; [exact cp | apply mass_nonneg | lra | apply mass_monotone; auto].
    - rewrite (mass_zero _ D B) by (intros x i; apply no; exists x; exact i). rewrite Rmult_0_r.
      apply Rmult_le_pos; [exact bp | apply mass_nonneg]. }
  set (nice := fun f : A -> R => exists b, 0 <= b /\ forall x, 0 <= f x <= b).
  assert (forall f, nice f -> bound (below f) /\ exists a, below f a) as complete.
  { intros f (b & bp & h). split.
    - exists (b * D (fun _ => True)). intros a m. apply (bounded f); [exact m | apply h | exact bp].
    - exists (0 * D (fun _ => False)), 0, (fun _ => False). repeat split; [lra |]. intro x. specialize (h x). lra. }
  exists (fun f => match decide (nice f) with
    left n => proj1_sig (completeness (below f) (proj1 (complete f n)) (proj2 (complete f n))) | right _ => 0 end).
  split.
  - intros f g b h. assert (nice f /\ nice g) as [nf ng].
    { split; exists (Rmax b 0); (split; [apply Rmax_r |]); intro x; specialize (h x); pose proof (Rmax_l b 0); lra. }
    destruct (decide (nice f)) as [f' |]; [| contradiction]. destruct (decide (nice g)) as [g' |]; [| contradiction].
    destruct completeness as (s & up & least), completeness as (t & up' & least'). simpl. apply least.
    intros a (c & B & cp & l & ->). apply up'. exists c, B. repeat split; [exact cp |].
    intro x. specialize (l x). specialize (h x). lra.
  - intros c B cp. assert (nice (fun x => c * truth (B x))) as n.
    { exists c. split; [exact cp |]. intro x. pose proof (truth_range (B x)). split; nra. }
    destruct (decide (nice _)) as [n' |]; [| contradiction]. destruct completeness as (s & up & least). simpl.
    apply Rle_antisym.
    + apply least. intros a (c' & B' & cp' & l & ->). destruct (Req_dec c' 0) as [-> | ne].
      * rewrite Rmult_0_l. apply Rmult_le_pos; [exact cp | apply mass_nonneg].
      * assert (forall x, B' x -> B x /\ c' <= c) as sub.
        { intros x i. specialize (l x). rewrite (truth_true _ i) in l. unfold truth in l.
          destruct (decide (B x)); [split; [assumption | lra] | lra]. }
        destruct (decide (exists x, B' x)) as [(x & i) | no].
        -- apply Rmult_le_compat; [exact cp' | apply mass_nonneg | apply (sub x i) |].
           apply mass_monotone. intros z j. apply (sub z j).
        -- rewrite (mass_zero _ D B') by (intros x i; apply no; exists x; exact i). rewrite Rmult_0_r.
           apply Rmult_le_pos; [exact cp | apply mass_nonneg].
    + apply up. exists c, B. repeat split; [exact cp |]. intro x. lra.
Qed.

Theorem printed_theorem_6_3_fails d kappa C C' Delta : (2 <= d)%nat -> 0 <= kappa -> 0 <= C -> 0 <= C' -> 0 < Delta ->
  exists N delta, (1 <= N)%nat /\ 0 < delta /\ forall S (D : law (Rd d)) E adv M, length S = N -> (forall z, In z S ->
    length z = d) ->
    D (fun _ => True) = 1 ->
    (forall z r, length z = d -> 0 <= r -> D (fun x => dist_inf (list_of x) z <= r) <= kappa * (2 * r) ^ d) ->
    (forall f g b, (forall x, 0 <= f x <= g x /\ g x <= b) -> E f <= E g) ->
    (forall c A, 0 <= c -> E (fun x => c * truth (A x)) = c * D A) ->
    (forall x, length x = d ->
      is_lub (fun a => exists xi, length xi = d /\ norm_inf xi <= delta /\ a = L delta S (add x xi)) (adv x)) ->
    (forall x, length x = d -> is_lub (fun a => a = 0 \/ exists xi g, length xi = d /\ length g = d /\
      norm_inf xi <= delta /\ gradient (L delta S) (add x xi) g /\ a = norm1 g) (M x)) ->
    C * Rpower (INR N) (- / (INR d + 2)) * (flatness d E M + C' / sqrt Delta) < gap d S E adv.
Proof.
  intros d2 kp cp cp' Dp. set (c := C * (1 + C' / sqrt Delta)). assert (0 < sqrt Delta) as sp by (apply sqrt_lt_R0, Dp).
  assert (0 <= C' / sqrt Delta) as tail by (apply Rmult_le_pos; [exact cp' | apply Rlt_le, Rinv_0_lt_compat, sp]).
  assert (0 <= c) as cpos by (apply Rmult_le_pos; lra). assert (2 <= INR d) as dr by (apply (le_INR 2), d2).
  destruct (larger_number (Rpower (4 * c + 4) (INR d + 2))) as (N & big).
  assert (0 < INR N) as np by (eapply Rlt_trans; [apply exp_pos | exact big]).
  assert (Rpower (INR N) (- / (INR d + 2)) <= / (4 * c + 4)) as rate.
  { rewrite Rpower_Ropp. apply Rinv_le_contravar; [lra |]. replace (4 * c + 4) with (Rpower (Rpower (4 * c + 4) (INR d
    + 2)) (/ (INR d + 2))).
    - apply Rle_Rpower_l; [apply Rlt_le, Rinv_0_lt_compat; lra |]. split; [apply exp_pos | lra].
    - rewrite Rpower_mult, Rinv_r, Rpower_1; lra. }
  set (Q := INR N * kappa * 6 ^ d). assert (0 <= Q) as qp.
  { apply Rmult_le_pos; [apply Rmult_le_pos; lra | apply pow_le; lra]. }
  set (delta := / (2 * Q + 2)). assert (0 < delta) as dp by (apply Rinv_0_lt_compat; lra).
  assert (Q * delta <= 1 / 2 /\ delta <= 1) as [qd d1].
  { assert ((2 * Q + 2) * delta = 1) as one by (unfold delta; field; lra). split; nra. }
  exists N, delta. split; [apply Nat.neq_0_lt_0; intros ->; simpl in np; lra | split; [exact dp |]].
  intros S D E adv M size dims prob dens mono event sup_adv sup_M.
  pose proof (gap_large d delta dp S dims D kappa E prob dens mono event adv sup_adv) as large.
  pose proof (flatness_small d delta dp S dims D kappa E dens mono event M sup_M) as small. rewrite size in *.
  assert (delta ^ d = delta * delta ^ (d - 1)) as split_ by (replace d with (Datatypes.S (d - 1)) at 1 by lia;
    reflexivity).
  assert (0 <= delta ^ (d - 1) <= delta) as power.
  { replace (d - 1)%nat with (Datatypes.S (d - 2)) by lia. simpl. assert (0 <= delta ^ (d - 2) <= 1); [| nra].
    split; [apply pow_le; lra |]. apply Rle_trans with (1 ^ (d - 2)); [apply pow_incr; lra | rewrite pow1; lra]. }
  assert (INR N * (kappa * (4 * delta) ^ d) <= 1 / 2) as four.
  { apply Rle_trans with (Q * delta); [| exact qd]. unfold Q. rewrite Rpow_mult_distr, split_.
    assert (4 ^ d <= 6 ^ d) by (apply pow_incr; lra). assert (0 <= 4 ^ d) by (apply pow_le; lra).
    assert (0 <= INR N * kappa) by (apply Rmult_le_pos; lra).
    replace (INR N * (kappa * (4 ^ d * (delta * delta ^ (d - 1))))) with (INR N * kappa * (4 ^ d * delta ^ (d - 1)) *
      delta) by ring.
    apply Rmult_le_compat_r; [lra |]. apply Rmult_le_compat_l; [assumption |]. nra. }
  assert (flatness d E M <= 1) as flat.
  { eapply Rle_trans; [exact small |]. rewrite Rpow_mult_distr, split_.
    replace (/ delta * (INR N * (kappa * (6 ^ d * (delta * delta ^ (d - 1)))))) with (Q * delta ^ (d - 1)) by (unfold
      Q; field; lra).
    apply Rle_trans with (Q * delta); [apply Rmult_le_compat_l; [exact qp | apply power] | lra]. }
  assert (0 < Rpower (INR N) (- / (INR d + 2))) as rp by apply exp_pos.
  apply Rle_lt_trans with (c * Rpower (INR N) (- / (INR d + 2))).
  - unfold c. replace (C * (1 + C' / sqrt Delta) * Rpower (INR N) (- / (INR d + 2))) with
      (C * Rpower (INR N) (- / (INR d + 2)) * (1 + C' / sqrt Delta)) by ring.
    apply Rmult_le_compat_l; [apply Rmult_le_pos; lra | lra].
  - apply Rle_lt_trans with (c * / (4 * c + 4)); [apply Rmult_le_compat_l; assumption |].
    apply Rlt_le_trans with (1 / 2); [| lra]. apply Rmult_lt_reg_r with (4 * c + 4); [lra |].
    rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.
