(* Theorem 6.2 as printed is refuted: for every C, k and eps > 0 there are d and N, the points seen, such that C
   sqrt(d^k/N) < eps, and on the K = 2^(d-1) = 2 N cubes of Theorem 3.5 with all words over two letters the robust
   error of every algorithm has mean >= 1/4 over all labellings and samples, D_y 1-balanced, such as uniform on the
   cubes. So for some labelling too; the printed right side, with L_S^clean = 0, is C sqrt(d^k/N). *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Memorizer Law Labellings L1 Lp Cubes Theorem35 Theorem62 Theorem62Robust.
Import ListNotations.
Open Scope R_scope.

Lemma below_power e : INR e < 2 ^ e.
Proof. induction e as [| e IH]; [simpl; lra |]. rewrite S_INR. simpl. pose proof (pow_R1_Rle 2 e ltac:(lra)). lra. Qed.

(* exponentials exceed polynomials *)
Lemma exponential A k : exists d, (2 <= d)%nat /\ A * INR d ^ k < 2 ^ d.
Proof.
  set (B := Rmax A 0 * INR (S k) ^ k). destruct (larger_number (B + 2)) as (e & big). exists (S k * e)%nat.
  assert (0 <= Rmax A 0) as pos by apply Rmax_r. assert (1 <= INR (S k)) as one by (apply (le_INR 1); lia).
  assert (0 <= B) as bp by (apply Rmult_le_pos; [exact pos | apply pow_le; lra]).
  assert (2 <= e)%nat as e2 by (apply INR_le; simpl; lra).
  assert (0 <= INR e) as ep by apply pos_INR. pose proof (below_power e) as be. split; [nia |].
  rewrite mult_INR, Rpow_mult_distr.
  apply Rle_lt_trans with (B * INR e ^ k).
  - unfold B. rewrite Rmult_assoc. apply Rmult_le_compat_r; [| apply Rmax_l].
    apply Rmult_le_pos; apply pow_le; lra.
  - replace (2 ^ (S k * e)) with (2 ^ e * (2 ^ e) ^ k) by (rewrite Nat.mul_comm, pow_mult; reflexivity).
    assert (INR e ^ k <= (2 ^ e) ^ k) by (apply pow_incr; lra). assert (0 < INR e ^ k) by (apply pow_lt; lra). nra.
Qed.

Theorem printed_theorem_6_2_fails C k eps : 0 < eps -> exists d N, (2 <= d)%nat /\ (1 <= N)%nat /\
  C * sqrt (INR d ^ k / INR N) < eps /\
  forall eta tau delta words dist D algorithm, 0 < eta < tau -> tau + INR d * eta <= delta ->
    length words = (2 ^ (d - 1))%nat -> (forall w, In w words -> word d 2 w) -> (forall x z, dist x z <= dist_1 x z) ->
    (forall y, length y = length words -> balanced d 2 eta tau words 1 y (D y)) ->
    1 / 4 <= sum (map (fun y => sum (map (fun s => robust_error d delta dist D algorithm y s) (samples (length words)
      N)))
      (labellings (length words))) / (INR (length (labellings (length words))) * INR (length (samples (length words)
        N))).
Proof.
  intro pos. set (c := Rmax C 0 + 1). destruct (exponential (4 * (c / eps) ^ 2) k) as (d & d2 & big).
  assert (0 <= Rmax C 0) as cp by apply Rmax_r. assert (0 < c) as cpos by (unfold c; lra).
  exists d, (2 ^ (d - 2))%nat. split; [exact d2 | split; [| split]].
  - apply Nat.neq_0_lt_0, Nat.pow_nonzero. lia.
  - rewrite pow_INR. replace (INR 2) with 2 by (simpl; lra). assert (0 < 2 ^ (d - 2)) by (apply pow_lt; lra).
    assert (0 <= INR d ^ k) as dp by (apply pow_le, pos_INR).
    assert (2 ^ d = 4 * 2 ^ (d - 2)) as e.
    { replace d with (S (S (d - 2))) at 1 by lia. simpl. ring. }
    assert (INR d ^ k / 2 ^ (d - 2) < (eps / c) ^ 2) as small.
    { apply Rmult_lt_reg_r with (2 ^ (d - 2)); [assumption |]. unfold Rdiv at 1. rewrite Rmult_assoc, Rinv_l,
      Rmult_1_r by lra.
      apply Rmult_lt_reg_l with (4 * (c / eps) ^ 2); [apply Rmult_lt_0_compat; [lra | apply pow_lt, Rdiv_lt_0_compat;
        lra] |].
      replace (4 * (c / eps) ^ 2 * ((eps / c) ^ 2 * 2 ^ (d - 2))) with (2 ^ d); [exact big |]. rewrite e. field. lra. }
    assert (0 < eps / c) as q by (apply Rdiv_lt_0_compat; assumption).
    assert (sqrt (INR d ^ k / 2 ^ (d - 2)) < eps / c) as root.
    { rewrite <- (sqrt_pow2 (eps / c)) by lra. apply sqrt_lt_1_alt. split; [| exact small].
      apply Rmult_le_pos; [exact dp | apply Rlt_le, Rinv_0_lt_compat; assumption]. }
    pose proof (sqrt_pos (INR d ^ k / 2 ^ (d - 2))) as sp. pose proof (Rmax_l C 0).
    apply Rle_lt_trans with (c * sqrt (INR d ^ k / 2 ^ (d - 2))); [apply Rmult_le_compat_r; unfold c; lra |].
    replace eps with (c * (eps / c)) by (field; lra). apply Rmult_lt_compat_l; assumption.
  - intros eta tau delta words dist D algorithm eta_range reach count is_word below bal.
    set (N := (2 ^ (d - 2))%nat). assert (length words = 2 * N)%nat as twice.
    { rewrite count. unfold N. replace (d - 1)%nat with (S (d - 2)) by lia. reflexivity. }
    assert (0 < N)%nat as Npos by (unfold N; apply Nat.neq_0_lt_0, Nat.pow_nonzero; lia).
    eapply Rle_trans; [| apply (theorem_6_2_robust d 2 eta tau delta 1); try assumption; try lra; lia].
    rewrite Rmult_1_l. pose proof (bernoulli (length words) N ltac:(lia)) as b.
    assert (INR N / INR (length words) = 1 / 2) as half.
    { rewrite twice, mult_INR. assert (0 < INR N) by (apply lt_0_INR, Npos). simpl (INR 2). field. lra. }
    rewrite half in b. lra.
Qed.
