(* The norms l_p, 1 <= p, on lists of the same length: at most l_1; and if two points differ by at least t > 0 in at
   least b coordinates, they are at least b^(1/p) t apart. In l_inf they are at least t apart for b >= 1, and at most
   l_1 too. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Linf L1 Hoelder Memorizer.
Import ListNotations.
Open Scope R_scope.

(* t^p for t >= 0, with 0^p = 0 *)
Definition power (t p : R) : R := if Req_EM_T t 0 then 0 else Rpower t p.
Fixpoint powers (p : R) (x z : list R) : R :=
  match x, z with a :: x', b :: z' => power (Rabs (a - b)) p + powers p x' z' | _, _ => 0 end.
Definition dist_p (p : R) (x z : list R) : R := power (powers p x z) (/ p).

(* In how many coordinates x and z are at least t apart. *)
Fixpoint apart (t : R) (x z : list R) : nat :=
  match x, z with a :: x', b :: z' => ((if Rle_dec t (Rabs (a - b)) then 1 else 0) + apart t x' z')%nat | _,
    _ => 0%nat end.

Lemma power_nonneg t p : 0 <= power t p.
Proof. unfold power. destruct Req_EM_T; [lra | left; apply exp_pos]. Qed.
Lemma powers_nonneg p x z : 0 <= powers p x z.
Proof.
  revert z; induction x as [| a x IH]; intros [| b z]; simpl; try lra. specialize (IH z).
  pose proof (power_nonneg (Rabs (a - b)) p). lra.
Qed.
Lemma power_monotone s t p : 0 <= s -> s <= t -> 0 < p -> power s p <= power t p.
Proof.
  intros sp le pp. unfold power at 1. destruct Req_EM_T; [apply power_nonneg |]. unfold power.
  destruct Req_EM_T; [lra |]. apply Rle_Rpower_l; lra.
Qed.
Lemma power_inverse t p : 0 <= t -> 0 < p -> power (power t p) (/ p) = t.
Proof.
  intros tp pp. unfold power at 2. destruct Req_EM_T as [-> | n]; [unfold power; destruct Req_EM_T;
    [reflexivity | contradiction] |].
  unfold power. destruct Req_EM_T as [z | _]; [exfalso; pose proof (exp_pos (p * ln t)); unfold Rpower in z; lra |].
  rewrite Rpower_mult, Rinv_r by lra. apply Rpower_1. lra.
Qed.

Section Norm.
  Variable p : R.
  Hypothesis p_range : 1 <= p.

  (* t^p <= t s^(p - 1) for t <= s *)
  Lemma power_below t s : 0 <= t -> t <= s -> power t p <= t * Rpower s (p - 1).
  Proof.
    intros tp le. unfold power. destruct Req_EM_T as [-> | n]; [lra |].
    replace p with (1 + (p - 1)) at 1 by ring. rewrite Rpower_plus, Rpower_1 by lra.
    apply Rmult_le_compat_l; [exact tp |]. apply Rle_Rpower_l; lra.
  Qed.
  Lemma powers_below s x z : dist_1 x z <= s -> powers p x z <= dist_1 x z * Rpower s (p - 1).
  Proof.
    revert z; induction x as [| a x IH]; intros [| b z]; simpl; intro le; try lra.
    pose proof (dist_1_nonneg x z). pose proof (Rabs_pos (a - b)). specialize (IH z ltac:(lra)).
    pose proof (power_below (Rabs (a - b)) s ltac:(lra) ltac:(lra)). lra.
  Qed.
  Theorem dist_p_below_1 x z : dist_p p x z <= dist_1 x z.
  Proof.
    pose proof (dist_1_nonneg x z) as n. pose proof (powers_below (dist_1 x z) x z ltac:(lra)) as b.
    rewrite <- (power_inverse (dist_1 x z) p) by lra. unfold dist_p.
    apply power_monotone; [apply powers_nonneg | | apply Rinv_0_lt_compat; lra].
    eapply Rle_trans; [exact b |]. unfold power. destruct Req_EM_T as [-> | m]; [lra |].
    replace p with (1 + (p - 1)) at 2 by ring. rewrite Rpower_plus, Rpower_1 by lra. lra.
  Qed.

  Lemma powers_apart t x z : 0 < t -> INR (apart t x z) * Rpower t p <= powers p x z.
  Proof.
    intro pos. revert z; induction x as [| a x IH]; intros [| b z]; simpl; try lra. specialize (IH z).
    rewrite plus_INR. destruct Rle_dec as [far | _]; simpl (INR _).
    - assert (Rpower t p <= power (Rabs (a - b)) p); [| lra].
      unfold power. destruct Req_EM_T; [lra |]. apply Rle_Rpower_l; lra.
    - pose proof (power_nonneg (Rabs (a - b)) p). lra.
  Qed.
  Theorem dist_p_apart t x z b : 0 < t -> (1 <= b)%nat -> (b <= apart t x z)%nat -> Rpower (INR b) (/ p) * t <=
    dist_p p x z.
  Proof.
    intros pos some le. assert (1 <= INR b) as one by (apply (le_INR 1), some). apply le_INR in le.
    assert (0 < Rpower t p) as tp by apply exp_pos.
    replace (Rpower (INR b) (/ p) * t) with (power (INR b * Rpower t p) (/ p)).
    - unfold dist_p. apply power_monotone; [nra | | apply Rinv_0_lt_compat; lra].
      eapply Rle_trans; [| apply powers_apart, pos]. apply Rmult_le_compat_r; lra.
    - unfold power. destruct Req_EM_T; [nra |]. rewrite <- Rpower_mult_distr by lra. f_equal.
      rewrite Rpower_mult, Rinv_r by lra. apply Rpower_1, pos.
  Qed.
End Norm.

Theorem dist_inf_below_1 x z : dist_inf x z <= dist_1 x z.
Proof.
  revert z; induction x as [| a x IH]; intros [| b z]; simpl; try lra. specialize (IH z).
    pose proof (dist_1_nonneg x z).
  pose proof (Rabs_pos (a - b)). apply Rmax_lub; lra.
Qed.
Theorem dist_inf_apart t x z : (1 <= apart t x z)%nat -> t <= dist_inf x z.
Proof.
  revert z; induction x as [| a x IH]; intros [| b z]; simpl; try lia. destruct Rle_dec as [far | _]; intro h.
  - eapply Rle_trans; [exact far | apply Rmax_l].
  - eapply Rle_trans; [apply (IH z), h | apply Rmax_r].
Qed.
