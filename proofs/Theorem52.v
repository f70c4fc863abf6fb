(* Theorem 5.2, repaired, without its probabilities. The certificate: any network f(x) = w_0 . x + sum_j a_j relu(w_j .
   x - b) has on the l_2 ball of radius delta around x y f >= y w_0 . x - delta ||w_0|| + sum_{a_j y > 0} |a_j|
   relu(w_j . x - delta ||w_j|| - b) - sum_{a_j y < 0} |a_j| relu(w_j . x + delta ||w_j|| - b). The target f*(x) = w* .
   x + sum over S_small of y_i relu(xi_i . x - b) is right on the ball of every x_i = c_i y_i w* + xi_i, xi_i
   orthogonal to the unit vector w*, c_i = beta for small and alpha for large margin, if delta < alpha, b >= <xi_j,
   x_i> + delta ||xi_j|| for j small, i <> j, and beta + ||xi_i||^2 - b > delta sqrt(1 + ||xi_i||^2) for i small. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Vectors Tents Levels Euclid Hoelder.
Import ListNotations.
Open Scope R_scope.

Lemma dot_comm u v : dot u v = dot v u.
Proof. revert v; induction u as [| a u IH]; intros [| b v]; simpl; try reflexivity. rewrite IH. ring. Qed.
Lemma dot_scale a u x : dot (scale a u) x = a * dot u x.
Proof. revert x; induction u as [| b u IH]; intros [| v x]; simpl; try ring. unfold scale in IH. rewrite IH. ring. Qed.

(* ---- the mixed model, and that it is a strict ReLU network ---- *)
Record neuron_52 := { weight : list R; sign : R }.
Section Mixed.
  Variables (w0 : list R) (b : R) (neurons : list neuron_52).
  Definition mixed (x : list R) : R :=
    dot w0 x + sum (map (fun n => sign n * relu (dot (weight n) x - b)) neurons).
  Definition mixed_net : list layer :=
    [(w0, 0) :: (map Ropp w0, 0) :: map (fun n => (weight n, - b)) neurons; [(1 :: -1 :: map sign neurons, 0)]].
  Theorem mixed_is_a_network x : eval mixed_net x = [mixed x].
  Proof.
    change (eval mixed_net x) with [1 * relu (dot w0 x + 0) + (-1 * relu (dot (map Ropp w0) x + 0) +
      dot (map sign neurons) (map relu (affine (map (fun n => (weight n, - b)) neurons) x))) + 0].
    f_equal. rewrite !Rplus_0_r. unfold mixed.
    assert (dot (map Ropp w0) x = - dot w0 x) as ->.
    { revert x. induction w0 as [| a w IH]; intros [| c x]; simpl; try ring. rewrite IH. ring. }
    assert (dot (map sign neurons) (map relu (affine (map (fun n => (weight n, - b)) neurons) x)) =
      sum (map (fun n => sign n * relu (dot (weight n) x - b)) neurons)) as ->.
    { induction neurons as [| n l IH]; [reflexivity |]. exact (f_equal2 Rplus eq_refl IH). }
    generalize (sum (map (fun n => sign n * relu (dot (weight n) x - b)) neurons)). intro.
    relu_split; lra.
  Qed.

  Variables (delta y : R).
  Hypothesis label : y = 1 \/ y = -1.
  Definition certificate (x : list R) : R :=
    y * dot w0 x - delta * norm_2 w0
    + sum (map (fun n => if Rlt_dec 0 (sign n * y) then Rabs (sign n) * relu (dot (weight n) x - delta * norm_2
      (weight n) - b)
        else 0) neurons)
    - sum (map (fun n => if Rlt_dec (sign n * y) 0 then Rabs (sign n) * relu (dot (weight n) x +
      delta * norm_2 (weight n) - b)
        else 0) neurons).

  Lemma moves w x z : length z = length x -> dist_2 z x <= delta ->
    dot w x - delta * norm_2 w <= dot w z <= dot w x + delta * norm_2 w.
  Proof.
    intros len near. pose proof (hoelder_2 w z x len) as h. pose proof (norm_2_nonneg w).
    assert (norm_2 w * dist_2 z x <= delta * norm_2 w) by nra. unfold Rabs in h. destruct Rcase_abs in h; lra.
  Qed.
  Lemma relu_monotone s t : s <= t -> relu s <= relu t.
  Proof. intro. relu_split; lra. Qed.

  Theorem theorem_5_2_certificate x z : length z = length x -> dist_2 z x <= delta -> certificate x <= y * mixed z.
  Proof.
    intros len near. unfold certificate, mixed. rewrite Rmult_plus_distr_l.
    assert (y * dot w0 x - delta * norm_2 w0 <= y * dot w0 z) as linear.
    { pose proof (moves w0 x z len near). destruct label as [-> | ->]; lra. }
    enough (sum (map (fun n => if Rlt_dec 0 (sign n * y) then Rabs (sign n) *
        relu (dot (weight n) x - delta * norm_2 (weight n) - b) else 0) neurons) -
      sum (map (fun n => if Rlt_dec (sign n * y) 0 then Rabs (sign n) *
        relu (dot (weight n) x + delta * norm_2 (weight n) - b) else 0) neurons) <=
      y * sum (map (fun n => sign n * relu (dot (weight n) z - b)) neurons)) by lra.
    clear linear. induction neurons as [| n l IH]; simpl; [lra |]. unfold sum in *. simpl.
    pose proof (moves (weight n) x z len near) as m.
    pose proof (relu_monotone (dot (weight n) x - delta * norm_2 (weight n) - b) (dot (weight n) z - b) ltac:(lra)) as
      low.
    pose proof (relu_monotone (dot (weight n) z - b) (dot (weight n) x +
      delta * norm_2 (weight n) - b) ltac:(lra)) as high.
    assert (Rabs (sign n) = Rabs (sign n * y)) as abs
      by (rewrite Rabs_mult; destruct label as [-> | ->]; unfold Rabs; repeat destruct Rcase_abs; lra).
    rewrite Rmult_plus_distr_l. replace (y * (sign n * relu (dot (weight n) z - b))) with
      (sign n * y * relu (dot (weight n) z - b)) by ring. rewrite abs.
    set (a := sign n * y) in *. destruct (Rtotal_order a 0) as [neg | [zero | pos]].
    - pose proof (Rmult_le_compat_l (- a) _ _ ltac:(lra) high). rewrite (Rabs_left a neg).
      destruct (Rlt_dec 0 a), (Rlt_dec a 0); lra.
    - destruct (Rlt_dec 0 a), (Rlt_dec a 0); try lra. rewrite zero. lra.
    - pose proof (Rmult_le_compat_l a _ _ ltac:(lra) low). rewrite (Rabs_right a) by lra.
      destruct (Rlt_dec 0 a), (Rlt_dec a 0); lra.
  Qed.
End Mixed.

(* ---- the data and the target ---- *)
Section Target.
  Variables (d n : nat) (w : list R) (alpha beta delta b : R).
  Variables (y : nat -> R) (xi : nat -> list R) (small : nat -> bool).
  Hypotheses (w_length : length w = d) (w_unit : dot w w = 1).
  Hypothesis labels : forall i, (i < n)%nat -> y i = 1 \/ y i = -1.
  Hypothesis noise : forall i, (i < n)%nat -> length (xi i) = d /\ dot w (xi i) = 0.
  Definition point (i : nat) : list R := add (scale ((if small i then beta else alpha) * y i) w) (xi i).
  Definition smalls : list nat := filter small (seq 0 n).
  Definition target : list R -> R := mixed w b (map (fun i => {| weight := xi i; sign := y i |}) smalls).

  Hypothesis large_margin : delta < alpha.
  Hypothesis others_off : forall i j, (i < n)%nat -> In j smalls -> i <> j ->
    dot (xi j) (point i) + delta * norm_2 (xi j) <= b.
  Hypothesis own_wins : forall i, In i smalls ->
    delta * sqrt (1 + norm_2 (xi i) * norm_2 (xi i)) < beta + norm_2 (xi i) * norm_2 (xi i) - b.

  Lemma in_smalls i : In i smalls <-> (i < n)%nat /\ small i = true.
  Proof. unfold smalls. rewrite filter_In, in_seq. intuition. Qed.
  Lemma point_length i : (i < n)%nat -> length (point i) = d.
  Proof. intro h. apply add_length; [apply scale_length, w_length | apply noise, h]. Qed.
  Lemma dot_point u i : (i < n)%nat ->
    dot u (point i) = (if small i then beta else alpha) * y i * dot u w + dot u (xi i).
  Proof.
    intro h. rewrite (dot_comm u (point i)). unfold point. rewrite dot_add.
    - rewrite dot_scale, (dot_comm w u), (dot_comm (xi i) u). reflexivity.
    - rewrite (scale_length d) by exact w_length. symmetry. apply noise, h.
  Qed.
  (* the neurons of other points are off *)
  Lemma sum_of_others z l : (forall j, In j l -> relu (dot (xi j) z - b) = 0) ->
    sum (map (fun q => sign q * relu (dot (weight q) z - b)) (map (fun i => {| weight := xi i; sign := y i |}) l)) = 0.
  Proof.
    induction l as [| j l IH]; intro h; [reflexivity |]. simpl. rewrite (h j (or_introl eq_refl)). unfold sum in *.
    simpl.
    rewrite IH by (intros; apply h; right; assumption). ring.
  Qed.
  Lemma off z i j : (i < n)%nat -> In j smalls -> i <> j -> length z = d -> dist_2 z (point i) <= delta ->
    relu (dot (xi j) z - b) = 0.
  Proof.
    intros h m ne len near. apply relu_neg.
    pose proof (moves delta (xi j) (point i) z ltac:(rewrite point_length; assumption) near) as [_ u].
    pose proof (others_off i j h m ne). lra.
  Qed.

  Theorem theorem_5_2_target i z : (i < n)%nat -> length z = d -> dist_2 z (point i) <= delta -> 0 < y i * target z.
  Proof.
    intros h len near. assert (length z = length (point i)) as same by (rewrite point_length; assumption).
    destruct (noise i h) as [xl orth]. unfold target, mixed.
    assert (y i * y i = 1) as yy by (destruct (labels i h) as [-> | ->]; ring).
    destruct (small i) eqn:e.
    - assert (In i smalls) as m by (apply in_smalls; auto).
      (* the own neuron alone *)
      assert (sum (map (fun q => sign q * relu (dot (weight q) z - b)) (map (fun i => {| weight := xi i;
        sign := y i |}) smalls)) =
        y i * relu (dot (xi i) z - b)) as ->.
      { assert (NoDup smalls) as nd by (apply NoDup_filter, seq_NoDup).
        destruct (in_split i smalls m) as (l1 & l2 & split). rewrite split in nd |- *. apply NoDup_remove_2 in nd.
        rewrite !map_app. simpl map.
        assert (forall a c, sum (a ++ c) = sum a + sum c) as sum_app.
        { intros a c. unfold sum. induction a as [| v a IH]; simpl; [ring | rewrite IH; ring]. }
        rewrite sum_app. change (sum (?v :: ?r)) with (v + sum r).
        rewrite !sum_of_others; [simpl; ring | |]; intros j mj; apply (off z i j h); try assumption;
          try (rewrite split; apply in_or_app; simpl; auto); intros ->; apply nd, in_or_app; auto. }
      set (u := add (scale (y i) w) (xi i)).
      assert (length (scale (y i) w) = length (xi i)) as su by (rewrite (scale_length d), xl; auto).
      assert (dot u (point i) = beta + dot (xi i) (xi i)) as value.
      { rewrite dot_point, e by exact h. unfold u. rewrite !dot_add, !dot_scale by exact su.
        rewrite w_unit, (dot_comm (xi i) w), orth.
        replace (beta * y i * (y i * 1 + 0)) with (beta * (y i * y i)) by ring. rewrite yy. ring. }
      assert (norm_2 u = sqrt (1 + norm_2 (xi i) * norm_2 (xi i))) as len_u.
      { unfold norm_2 at 1. f_equal. rewrite norm_2_square. unfold u at 1. rewrite dot_add, dot_scale by exact su.
        rewrite (dot_comm w u), (dot_comm (xi i) u). unfold u. rewrite !dot_add, !dot_scale by exact su.
        rewrite w_unit, (dot_comm (xi i) w), orth. replace (y i * (y i * 1 + 0)) with (y i * y i) by ring.
        rewrite yy. ring. }
      pose proof (moves delta u (point i) z same near) as [low _]. rewrite value, len_u in low.
      pose proof (own_wins i m) as wins. rewrite norm_2_square in *.
      assert (dot u z = y i * dot w z + dot (xi i) z) as du by (unfold u; rewrite dot_add, dot_scale by exact su;
        reflexivity).
      pose proof (relu_ge (dot (xi i) z - b)). rewrite Rmult_plus_distr_l, <- Rmult_assoc, yy. lra.
    - rewrite sum_of_others.
      2: { intros j mj. apply (off z i j h); try assumption. intros ->. apply in_smalls in mj. destruct mj as [_ t].
      congruence. }
      rewrite Rplus_0_r. pose proof (moves delta w (point i) z same near) as [low high].
      rewrite dot_point, e, w_unit, orth in low, high by exact h.
      assert (norm_2 w = 1) as one by (unfold norm_2; rewrite w_unit; apply sqrt_1). rewrite one in *.
      destruct (labels i h) as [l | l]; rewrite l in *; lra.
  Qed.
End Target.
