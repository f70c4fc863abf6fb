(* The norms l_inf, l_1 and l_2 with their dual norms: a linear form w moves by at most dual(w) dist(x, c) from c to x.
   *)
From Coq Require Import Reals List Lra.
Require Import Network Linf L1 Euclid Vectors.
Import ListNotations.
Open Scope R_scope.

Definition norm_2 (v : list R) : R := sqrt (dot v v).
Inductive norms : (list R -> list R -> R) -> (list R -> R) -> Prop :=
  | l_inf : norms dist_inf norm1
  | l_1 : norms dist_1 norm_inf
  | l_2 : norms dist_2 norm_2.

Lemma dist_inf_nonneg x c : 0 <= dist_inf x c.
Proof.
  revert c; induction x as [| a x IH]; intros [| b c]; simpl; try lra.
  eapply Rle_trans; [apply Rabs_pos | apply Rmax_l].
Qed.
Lemma dist_1_nonneg x c : 0 <= dist_1 x c.
Proof. revert c; induction x as [| a x IH]; intros [| b c]; simpl; try lra. specialize (IH c).
pose proof (Rabs_pos (a - b)). lra. Qed.

Lemma plane_cauchy a b r p q : 0 <= p -> 0 <= q -> Rabs r <= p * q ->
  Rabs (a * b + r) <= sqrt (a * a + p * p) * sqrt (b * b + q * q).
Proof.
  intros pp qq h. rewrite <- sqrt_mult by nra. rewrite <- sqrt_Rsqr_abs. apply sqrt_le_1_alt. unfold Rsqr.
  assert (r * r <= p * q * (p * q)) as rr.
  { rewrite <- (Rabs_pos_eq (p * q)) in h by (apply Rmult_le_pos; assumption).
    apply Rsqr_le_abs_1 in h. exact h. }
  assert (2 * (a * b) * r <= (a * q) * (a * q) + (b * p) * (b * p)); [| nra].
  assert (Rabs (a * b) * Rabs r <= Rabs (a * b) * (p * q)) as s by (apply Rmult_le_compat_l;
    [apply Rabs_pos | exact h]).
  rewrite <- Rabs_mult in s. pose proof (Rle_abs (a * b * r)). rewrite (Rabs_mult a b) in s.
  pose proof (Rle_0_sqr (Rabs a * q - Rabs b * p)) as t. unfold Rsqr in t.
  assert (Rabs a * Rabs a = a * a) as aa by (unfold Rabs; destruct Rcase_abs; ring).
  assert (Rabs b * Rabs b = b * b) as bb by (unfold Rabs; destruct Rcase_abs; ring).
  replace (a * q * (a * q)) with (Rabs a * Rabs a * (q * q)) by (rewrite aa; ring).
  replace (b * p * (b * p)) with (Rabs b * Rabs b * (p * p)) by (rewrite bb; ring). lra.
Qed.
Lemma norm_2_square v : norm_2 v * norm_2 v = dot v v.
Proof.
  apply sqrt_sqrt. induction v as [| a v IH]; simpl; [lra |]. pose proof (Rle_0_sqr a) as q. unfold Rsqr in q. lra.
Qed.
Lemma norm_2_nonneg v : 0 <= norm_2 v.
Proof. apply sqrt_pos. Qed.

Lemma hoelder_2 w x c : length x = length c -> Rabs (dot w x - dot w c) <= norm_2 w * dist_2 x c.
Proof.
  revert x c; induction w as [| a w IH]; intros [| b x] [| e c] len; try discriminate; simpl dot;
    try (rewrite Rminus_0_r, Rabs_R0; apply Rmult_le_pos; apply sqrt_pos).
  injection len as len. specialize (IH x c len).
  replace (a * b + dot w x - (a * e + dot w c)) with (a * (b - e) + (dot w x - dot w c)) by ring.
  pose proof (plane_cauchy a (b - e) _ _ _ (norm_2_nonneg w) (dist_2_nonneg x c) IH) as p.
  rewrite norm_2_square, dist_2_square in p. exact p.
Qed.
Lemma hoelder_inf w x c : length x = length c -> Rabs (dot w x - dot w c) <= norm1 w * dist_inf x c.
Proof.
  revert x c; induction w as [| a w IH]; intros [| b x] [| e c] len; try discriminate; simpl dot;
    try (rewrite Rminus_0_r, Rabs_R0; apply Rmult_le_pos; [apply norm1_nonneg | apply dist_inf_nonneg]).
  injection len as len. specialize (IH x c len).
  replace (a * b + dot w x - (a * e + dot w c)) with (a * (b - e) + (dot w x - dot w c)) by ring.
  eapply Rle_trans; [apply Rabs_triang |]. rewrite Rabs_mult.
  change (norm1 (a :: w)) with (Rabs a + norm1 w).
  change (dist_inf (b :: x) (e :: c)) with (Rmax (Rabs (b - e)) (dist_inf x c)).
  pose proof (norm1_nonneg w). pose proof (Rabs_pos a). pose proof (Rmax_l (Rabs (b - e)) (dist_inf x c)).
  pose proof (Rmax_r (Rabs (b - e)) (dist_inf x c)). nra.
Qed.
Lemma hoelder_1 w x c : length x = length c -> Rabs (dot w x - dot w c) <= norm_inf w * dist_1 x c.
Proof.
  revert x c; induction w as [| a w IH]; intros [| b x] [| e c] len; try discriminate; simpl dot;
    try (rewrite Rminus_0_r, Rabs_R0; apply Rmult_le_pos; [apply norm_inf_nonneg | apply dist_1_nonneg]).
  injection len as len. specialize (IH x c len).
  replace (a * b + dot w x - (a * e + dot w c)) with (a * (b - e) + (dot w x - dot w c)) by ring.
  eapply Rle_trans; [apply Rabs_triang |]. rewrite Rabs_mult.
  change (norm_inf (a :: w)) with (Rmax (Rabs a) (norm_inf w)).
  change (dist_1 (b :: x) (e :: c)) with (Rabs (b - e) + dist_1 x c).
  pose proof (norm_inf_nonneg w). pose proof (Rabs_pos (b - e)). pose proof (dist_1_nonneg x c).
  pose proof (Rmax_l (Rabs a) (norm_inf w)). pose proof (Rmax_r (Rabs a) (norm_inf w)). nra.
Qed.

Theorem hoelder_all dist dual : norms dist dual -> (forall w, 0 <= dual w) /\
  forall w x c, length x = length c -> Rabs (dot w x - dot w c) <= dual w * dist x c.
Proof.
  intros []; split; auto using norm1_nonneg, norm_inf_nonneg, norm_2_nonneg, hoelder_inf, hoelder_1, hoelder_2.
Qed.
