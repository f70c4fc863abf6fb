(* The Euclidean distance, and how a square that is off by at most an eighth of (delta + gamma)^2 - delta^2 tells the
   ball of radius delta from what is off the ball of radius delta + gamma. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network SoftIndicator Square Tents.
Import ListNotations.
Open Scope R_scope.

Fixpoint square_dist (x c : list R) : R :=
  match x, c with a :: x', b :: c' => (a - b) * (a - b) + square_dist x' c' | _, _ => 0 end.
Definition dist_2 (x c : list R) : R := sqrt (square_dist x c).

Lemma square_dist_nonneg x c : 0 <= square_dist x c.
Proof. revert c; induction x as [| a x IH]; intros [| b c]; simpl; try lra. specialize (IH c).
pose proof (Rle_0_sqr (a - b)) as q. unfold Rsqr in q. lra. Qed.
Lemma dist_2_nonneg x c : 0 <= dist_2 x c.
Proof. apply sqrt_pos. Qed.
Lemma dist_2_square x c : dist_2 x c * dist_2 x c = square_dist x c.
Proof. apply sqrt_sqrt, square_dist_nonneg. Qed.
Lemma dist_2_sym x c : dist_2 x c = dist_2 c x.
Proof.
  unfold dist_2. f_equal. revert c; induction x as [| a x IH]; intros [| b c]; simpl; try reflexivity. rewrite IH. ring.
Qed.

Lemma plane_triangle a p b q : 0 <= p -> 0 <= q ->
  sqrt ((a + b) * (a + b) + (p + q) * (p + q)) <= sqrt (a * a + p * p) + sqrt (b * b + q * q).
Proof.
  intros pp qq. set (u := sqrt (a * a + p * p)). set (v := sqrt (b * b + q * q)).
  assert (0 <= u) by apply sqrt_pos. assert (0 <= v) by apply sqrt_pos.
  assert (u * u = a * a + p * p) as eu by (apply sqrt_sqrt; nra).
  assert (v * v = b * b + q * q) as ev by (apply sqrt_sqrt; nra).
  rewrite <- (sqrt_square (u + v)) by lra. apply sqrt_le_1_alt.
  assert (a * b + p * q <= u * v); [| nra].
  destruct (Rle_lt_dec (a * b + p * q) 0) as [neg | pos]; [assert (0 <= u * v) by (apply Rmult_le_pos; assumption);
    lra |].
  assert (0 <= u * v) by (apply Rmult_le_pos; assumption).
  apply Rsqr_incr_0_var; [unfold Rsqr | assumption].
  replace (u * v * (u * v)) with ((u * u) * (v * v)) by ring. rewrite eu, ev.
  assert (0 <= (a * q - p * b) * (a * q - p * b)) by apply Rle_0_sqr. nra.
Qed.
Lemma dist_2_triangle x y z : length x = length y -> length y = length z -> dist_2 x z <= dist_2 x y + dist_2 y z.
Proof.
  revert y z; induction x as [| a x IH]; intros [| b y] [| c z] e f; try discriminate.
  - unfold dist_2. simpl. rewrite sqrt_0. lra.
  - injection e as e. injection f as f. specialize (IH y z e f). unfold dist_2 at 1 2 3. simpl.
    rewrite <- (dist_2_square x z), <- (dist_2_square x y), <- (dist_2_square y z).
    eapply Rle_trans; [| apply plane_triangle; apply dist_2_nonneg]. apply sqrt_le_1_alt.
    pose proof (dist_2_nonneg x z). pose proof (dist_2_nonneg x y). pose proof (dist_2_nonneg y z).
    replace (a - b + (b - c)) with (a - c) by ring. nra.
Qed.
Lemma square_dist_vec x c d : length x = d -> length c = d ->
  square_dist x c = sum (vec d (fun k => (nth k x 0 - nth k c 0) * (nth k x 0 - nth k c 0))).
Proof.
  intros <-. unfold vec. revert c. induction x as [| a x IH]; intros [| b c] e; try discriminate; [reflexivity |].
  injection e as e. simpl. rewrite <- seq_shift, map_map. rewrite (IH c e). reflexivity.
Qed.

(* ---- a soft indicator of an approximate square: threshold delta^2 + gap / 4, ramp gap / 2 ---- *)
Section Squares.
  Variables delta gamma : R.
  Hypotheses (delta_nonneg : 0 <= delta) (gamma_pos : 0 < gamma).
  Definition gap : R := gamma * (2 * delta + gamma).
  Lemma gap_pos : 0 < gap.
  Proof. unfold gap. apply Rmult_lt_0_compat; lra. Qed.
  Definition soft_square (s : R) : R := soft (delta * delta + gap / 4) (gap / 2) s.

  Variables (x c : list R) (s : R).
  Hypothesis near : square_dist x c <= s <= square_dist x c + gap / 8.
  Lemma soft_square_inside : dist_2 x c <= delta -> soft_square s = 1.
  Proof.
    intro h. pose proof gap_pos. apply soft_inside. pose proof (dist_2_square x c). pose proof (dist_2_nonneg x c). nra.
  Qed.
  Lemma soft_square_outside : delta + gamma <= dist_2 x c -> soft_square s = 0.
  Proof.
    intro h. pose proof gap_pos. apply soft_outside; [lra |]. pose proof (dist_2_square x c).
    pose proof (dist_2_nonneg x c).
    unfold gap in *. nra.
  Qed.
  Lemma soft_square_at_most_one : soft_square s <= 1.
  Proof. pose proof gap_pos. apply soft_range. lra. Qed.
End Squares.

(* ---- the sum of the scaled squares: above the square of the distance by at most sum w_k^2 / 4^(m+1) ---- *)
Lemma squares_near d (w u : nat -> R) m : (forall k, (k < d)%nat -> 0 < w k /\ Rabs (u k) <= w k) ->
  sum (vec d (fun k => u k * u k)) <= squares d (fun k => w k * w k) (fun k => Rabs (u k) / w k) m <=
  sum (vec d (fun k => u k * u k)) + sum (vec d (fun k => w k * w k)) / 4 ^ S m.
Proof.
  intro h. assert (0 < 4 ^ S m) by (apply pow_lt; lra).
  assert (forall k, (k < d)%nat -> u k * u k <= w k * w k * square m (Rabs (u k) / w k) <= u k * u k +
    w k * w k * / 4 ^ S m)
    as each.
  { intros k i. destruct (h k i) as [wp le]. pose proof (Rabs_pos (u k)).
    assert (0 <= Rabs (u k) / w k <= 1) as range.
    { split; [apply Rmult_le_pos; [assumption | left; apply Rinv_0_lt_compat, wp] |].
      apply Rmult_le_reg_r with (w k); [assumption |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
    pose proof (square_error m _ range) as [low high].
    assert (u k * u k = w k * w k * (Rabs (u k) / w k * (Rabs (u k) / w k))) as ->.
    { replace (w k * w k * (Rabs (u k) / w k * (Rabs (u k) / w k))) with (Rabs (u k) * Rabs (u k)) by (field; lra).
      unfold Rabs. destruct Rcase_abs; ring. }
    assert (0 <= w k * w k) by nra. split; [apply Rmult_le_compat_l; lra |].
    rewrite <- Rmult_plus_distr_l. apply Rmult_le_compat_l; lra. }
  assert (sum (vec d (fun k => w k * w k)) / 4 ^ S m = sum (vec d (fun k => w k * w k * / 4 ^ S m))) as ->.
  { unfold vec, sum. induction (seq 0 d) as [| k l IH]; cbn [map fold_right]; [field; lra |]. rewrite <- IH. field.
    lra. }
  rewrite <- sum_vec_plus. unfold squares. split; apply sum_vec_le; intros k i; apply each, i.
Qed.
