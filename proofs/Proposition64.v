(* Proposition 6.4, repaired, l_inf: for every delta >= 0, L_D^adv - L_D^clean >= delta E||grad L||_1 if L is convex in
   x (i), and >= delta E||grad L||_1 - beta delta^2 / 2 if grad L is beta-Lipschitz from l_inf to l_1 (ii). D has
   finitely many points, with weights; adv x is any upper bound of L on the ball of radius delta around x, such as the
   maximum. *)
From Coq Require Import Reals List Lra.
From Coquelicot Require Import Coquelicot.
Require Import Network Vectors.
Import ListNotations.
Open Scope R_scope.

(* ---- the two inequalities on a line ---- *)
Lemma convex_above_tangent phi l : (forall t, 0 <= t <= 1 -> phi t <= (1 - t) * phi 0 + t * phi 1) ->
  is_derive phi 0 l -> l <= phi 1 - phi 0.
Proof.
  intros convex d. apply is_derive_Reals in d. destruct (Rle_lt_dec l (phi 1 - phi 0)) as [ok | big];
    [exact ok | exfalso].
  destruct (d (l - (phi 1 - phi 0)) ltac:(lra)) as ([a ap] & h). simpl in h.
  set (t := Rmin (a / 2) 1). assert (0 < t) as tp by (apply Rmin_pos; lra).
  assert (t <= a / 2) by apply Rmin_l. assert (t <= 1) by apply Rmin_r.
  specialize (h t ltac:(lra) ltac:(rewrite Rabs_pos_eq; lra)). rewrite Rplus_0_l in h.
  specialize (convex t ltac:(lra)).
  assert ((phi t - phi 0) / t <= phi 1 - phi 0).
  { apply Rmult_le_reg_r with t; [exact tp |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. nra. }
  unfold Rabs in h. destruct Rcase_abs in h; lra.
Qed.

Lemma smooth_above_parabola phi dphi b : (forall t, is_derive phi t (dphi t)) ->
  (forall t, 0 <= t <= 1 -> dphi 0 - b * t <= dphi t) -> dphi 0 - b / 2 <= phi 1 - phi 0.
Proof.
  intros d slope.
  assert (forall t, is_derive (fun t => phi t - dphi 0 * t + b * (t * t) / 2) t (dphi t - dphi 0 + b * t)) as d'.
  { intro t. apply is_derive_ext with (fun t => plus (phi t) (- dphi 0 * t + b * (t * t) / 2));
      [intro s; unfold plus; simpl; lra |].
    replace (dphi t - dphi 0 + b * t) with (plus (dphi t) (- dphi 0 + b * t)) by (unfold plus; simpl; lra).
    apply (is_derive_plus phi); [apply d |]. auto_derive; [exact I | lra]. }
  destruct (MVT_gen (fun t => phi t - dphi 0 * t + b * (t * t) / 2) 0 1 (fun t => dphi t - dphi 0 + b * t)) as (c &
    [lo hi] & e).
  - intros t _. apply d'.
  - intros t _. apply continuity_pt_filterlim. apply (ex_derive_continuous (fun t => phi t - dphi 0 * t + b * (t * t)
    / 2)).
    exists (dphi t - dphi 0 + b * t). apply d'.
  - rewrite Rmin_left in lo by lra. rewrite Rmax_right in hi by lra. specialize (slope c ltac:(lra)). lra.
Qed.

(* ---- the statement in R^d, point by point ---- *)
Definition convex (L : list R -> R) (d : nat) : Prop := forall x z t, length x = d -> length z = d -> 0 <= t <= 1 ->
  L (add (scale (1 - t) x) (scale t z)) <= (1 - t) * L x + t * L z.
Definition lipschitz_gradient (grad : list R -> list R) (d : nat) (beta : R) : Prop :=
  forall x z, length x = d -> length z = d -> norm1 (sub (grad x) (grad z)) <= beta * norm_inf (sub x z).

Lemma on_segment x v t : length v = length x -> add (scale (1 - t) x) (scale t (add x v)) = add x (scale t v).
Proof.
  unfold scale. revert v; induction x as [| a x IH]; intros [| b v] e; try discriminate; [reflexivity |].
  injection e as e. simpl. rewrite IH by exact e. f_equal. ring.
Qed.
Lemma sub_of_step x v : length v = length x -> sub (add x v) x = v.
Proof.
  unfold sub, scale. revert v; induction x as [| a x IH]; intros [| b v] e; try discriminate; [reflexivity |].
  injection e as e. simpl. rewrite IH by exact e. f_equal. ring.
Qed.

Section Loss.
  Variable d : nat.
  Variable L : list R -> R.
  Variable grad : list R -> list R.
  Hypothesis grad_length : forall x, length x = d -> length (grad x) = d.
  Hypothesis has_gradient : forall x, length x = d -> gradient L x (grad x).
  Variable delta : R.
  Hypothesis delta_nonneg : 0 <= delta.

  Theorem convex_gap x : convex L d -> length x = d ->
    exists xi, length xi = d /\ norm_inf xi <= delta /\ delta * norm1 (grad x) <= L (add x xi) - L x.
  Proof.
    intros conv len. set (v := steepest delta (grad x)).
    assert (length v = d) as lv by apply steepest_length, grad_length, len.
    exists v. repeat split; [exact lv | apply steepest_in_ball, delta_nonneg |].
    assert (length v = length x) as same by (rewrite lv, len; reflexivity).
    pose proof (convex_above_tangent (fun t => L (add x (scale t v))) (dot (grad x) v)) as h. cbv beta in h.
    rewrite (add_zero x v), (add_one x v) in h by exact same.
    assert (delta * norm1 (grad x) = dot (grad x) v) as -> by (symmetry; apply dot_steepest).
    apply h; [| apply has_gradient; assumption].
    intros t b. rewrite <- (on_segment x v t) by exact same. apply conv; [exact len | | exact b].
    apply add_length; assumption.
  Qed.

  Theorem smooth_gap x beta : 0 <= beta -> lipschitz_gradient grad d beta -> length x = d ->
    exists xi, length xi = d /\ norm_inf xi <= delta /\
      delta * norm1 (grad x) - beta * (delta * delta) / 2 <= L (add x xi) - L x.
  Proof.
    intros bp lip len. set (v := steepest delta (grad x)).
    assert (length v = d) as lv by apply steepest_length, grad_length, len.
    assert (norm_inf v <= delta) as ball by apply steepest_in_ball, delta_nonneg.
    exists v. repeat split; [exact lv | exact ball |].
    pose proof (smooth_above_parabola (fun t => L (add x (scale t v))) (fun t => dot (grad (add x (scale t v))) v)
      (beta * delta * delta) (fun t => derivative_along L grad d has_gradient x v t len lv)) as h. cbv beta in h.
    rewrite (add_zero x v), (add_one x v) in h by (rewrite lv, len; reflexivity).
    assert (dot (grad x) v = delta * norm1 (grad x)) as top by apply dot_steepest. rewrite top in h.
    enough (forall t, 0 <= t <= 1 ->
      delta * norm1 (grad x) - beta * delta * delta * t <= dot (grad (add x (scale t v))) v) as slope
      by (specialize (h slope); lra).
    intros t range. rewrite <- top.
    assert (length (scale t v) = d) as ls by apply scale_length, lv. pose proof (add_length d x _ len ls) as ly.
    pose proof (lip _ _ ly len) as near. rewrite sub_of_step in near by (rewrite ls, len; reflexivity).
    rewrite norm_inf_scale, (Rabs_pos_eq t) in near by apply range.
    pose proof (hoelder (sub (grad (add x (scale t v))) (grad x)) v) as far.
    rewrite dot_sub in far by (rewrite grad_length, lv by assumption; reflexivity).
    pose proof (norm_inf_nonneg v). pose proof (norm1_nonneg (sub (grad (add x (scale t v))) (grad x))).
    assert (norm1 (sub (grad (add x (scale t v))) (grad x)) * norm_inf v <= beta * (t * delta) * delta).
    { apply Rmult_le_compat; try lra. eapply Rle_trans; [exact near |]. apply Rmult_le_compat_l; [exact bp |].
      apply Rmult_le_compat_l; lra. }
    unfold Rabs in far. destruct Rcase_abs in far; lra.
  Qed.

  (* ---- in the mean ---- *)
  Variable population : list (R * list R).
  Hypothesis weights : forall px, In px population -> 0 <= fst px /\ length (snd px) = d.
  Variable adv : list R -> R.
  Hypothesis adv_is_bound : forall x xi, length x = d -> length xi = d -> norm_inf xi <= delta -> L (add x xi) <= adv x.
  Definition mean (f : list R -> R) : R := sum (map (fun px => fst px * f (snd px)) population).

  Lemma gap_in_the_mean loss : (forall x, length x = d -> exists xi, length xi = d /\ norm_inf xi <= delta /\
      delta * norm1 (grad x) - loss <= L (add x xi) - L x) ->
    delta * mean (fun x => norm1 (grad x)) - loss * mean (fun _ => 1) <= mean adv - mean L.
  Proof.
    intro gap. unfold mean. induction population as [| [p x] rest IH]; simpl; [lra |].
    destruct (weights (p, x) (or_introl eq_refl)) as (pp & len). simpl in *.
    destruct (gap x len) as (xi & lx & ball & gain).
    specialize (IH (fun px i => weights px (or_intror i))). pose proof (adv_is_bound x xi len lx ball).
    assert (p * (delta * norm1 (grad x) - loss) <= p * (adv x - L x)) by (apply Rmult_le_compat_l; lra). lra.
  Qed.

  Theorem proposition_6_4_convex : convex L d -> delta * mean (fun x => norm1 (grad x)) <= mean adv - mean L.
  Proof.
    intro conv. pose proof (gap_in_the_mean 0) as h. rewrite Rmult_0_l, Rminus_0_r in h. apply h.
    intros x len. rewrite Rminus_0_r. apply convex_gap; assumption.
  Qed.

  Theorem proposition_6_4_smooth beta : 0 <= beta -> lipschitz_gradient grad d beta -> mean (fun _ => 1) = 1 ->
    delta * mean (fun x => norm1 (grad x)) - beta * (delta * delta) / 2 <= mean adv - mean L.
  Proof.
    intros bp lip whole. pose proof (gap_in_the_mean (beta * (delta * delta) / 2)) as h. rewrite whole, Rmult_1_r in h.
    apply h. intros x len. apply smooth_gap; assumption.
  Qed.
End Loss.
