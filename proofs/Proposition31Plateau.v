(* Proposition 3.1, repaired, for every continuous f, with plateaus too, and every x with y f(x) > 0: the minimum of y f
   over ||xi|| <= delta is > 0 exactly when dist(x, frontier of {y f > 0}) > delta, and >= 0 exactly when
   dist(x, frontier of {y f < 0}) >= delta. If {f = 0} has empty interior, then dist(x, DB(f)) is the distance to the
   frontier of {y f < 0}. Here F = y f, in every metric space with segments, so for every norm of R^d, where the minimum
   and the distances are attained: a minimum > 0 is F > 0 on the ball, a distance > delta is one > delta to each point.
   Across a plateau the printed equivalence fails, for a ReLU network and a point that it classifies rightly. *)
From Coq Require Import Reals List Lra Classical.
Require Import Network Proposition31.
Import ListNotations.
Open Scope R_scope.

Section Plateau.
  Variable X : Type.
  Variable dist : X -> X -> R.
  Hypothesis dist_self : forall x, dist x x = 0.
  Hypothesis dist_sym : forall x y, dist x y = dist y x.
  Hypothesis dist_triangle : forall x y z, dist x z <= dist x y + dist y z.
  Hypothesis segments : forall x y, exists p : R -> X,
    p 0 = x /\ p 1 = y /\ forall s t, dist (p s) (p t) = Rabs (s - t) * dist x y.
  Variable F : X -> R.                      (* y f *)
  Hypothesis continuous : forall x eps, 0 < eps -> exists a, 0 < a /\ forall u, dist u x < a -> Rabs (F u - F x) < eps.

  Definition near (A : X -> Prop) (z : X) : Prop := forall eps, 0 < eps -> exists u, dist u z < eps /\ A u.
  Definition frontier (A : X -> Prop) (z : X) : Prop := near A z /\ near (fun u => ~ A u) z.

  Lemma positive_around z : 0 < F z -> exists a, 0 < a /\ forall u, dist u z < a -> 0 < F u.
  Proof.
    intro pos. destruct (continuous z (F z) pos) as (a & ap & c). exists a. split; [exact ap |]. intros u d.
    specialize (c u d). unfold Rabs in c. destruct Rcase_abs in c; lra.
  Qed.
  Lemma negative_around z : F z < 0 -> exists a, 0 < a /\ forall u, dist u z < a -> F u < 0.
  Proof.
    intro neg. destruct (continuous z (- F z) ltac:(lra)) as (a & ap & c). exists a. split; [exact ap |]. intros u d.
    specialize (c u d). unfold Rabs in c. destruct Rcase_abs in c; lra.
  Qed.

  (* A segment from a point of A to one outside meets the frontier of A. *)
  Lemma segment_meets_frontier (A : X -> Prop) x u : A x -> ~ A u -> exists z, frontier A z /\ dist x z <= dist x u.
  Proof.
    intros ax au. destruct (segments x u) as (p & start & stop & speed).
    pose proof (dist_nonneg X dist dist_self dist_sym dist_triangle x u) as long.
    set (E := fun t => 0 <= t <= 1 /\ A (p t)).
    assert (E 0) as e0 by (split; [lra | rewrite start; exact ax]).
    assert (is_upper_bound E 1) as ub by (intros t [b _]; lra).
    destruct (completeness E (ex_intro _ 1 ub) (ex_intro _ 0 e0)) as (s & upper & least).
    assert (0 <= s) by (apply upper, e0). assert (s <= 1) by (apply least, ub).
    assert (forall eps, 0 < eps -> exists h, 0 < h /\ forall t, Rabs (t - s) < h -> dist (p t) (p s) < eps) as path.
    { intros eps ep. exists (eps / (dist x u + 1)). split; [apply Rdiv_lt_0_compat; lra |].
      intros t ht. rewrite speed. pose proof (Rabs_pos (t - s)).
      apply Rmult_lt_compat_r with (r := dist x u + 1) in ht; [| lra]. unfold Rdiv in ht.
      rewrite Rmult_assoc, Rinv_l, Rmult_1_r in ht by lra. nra. }
    exists (p s). split; [split; intros eps ep; destruct (path eps ep) as (h & hp & close) |].
    - apply NNPP. intro none. assert (is_upper_bound E (s - h)) as b; [| apply least in b; lra].
      intros t et. destruct (Rle_lt_dec t (s - h)) as [ok | big]; [exact ok | exfalso]. apply none. exists (p t).
      assert (t <= s) by (apply upper, et). split; [| apply et]. apply close. unfold Rabs. destruct Rcase_abs; lra.
    - destruct (Rle_lt_dec 1 s) as [end_ | before].
      + replace s with 1 by lra. exists (p 1). rewrite dist_self, stop. auto.
      + set (t := s + Rmin (h / 2) (1 - s)). assert (0 < Rmin (h / 2) (1 - s)) by (apply Rmin_pos; lra).
        pose proof (Rmin_l (h / 2) (1 - s)). pose proof (Rmin_r (h / 2) (1 - s)). exists (p t). split.
        * apply close. unfold t. rewrite Rabs_pos_eq; lra.
        * intro at_. assert (t <= s) by (apply upper; split; [unfold t; lra | exact at_]). unfold t in *. lra.
    - rewrite <- start at 1. rewrite speed. unfold Rabs. destruct Rcase_abs; nra.
  Qed.

  Theorem proposition_3_1_positive x delta : 0 < F x ->
    ((forall u, dist u x <= delta -> 0 < F u) <-> (forall z, frontier (fun u => 0 < F u) z -> delta < dist x z)).
  Proof.
    intro right. split.
    - intros margin z [_ out]. apply Rnot_le_lt. intro close. rewrite dist_sym in close.
      destruct (positive_around z (margin z close)) as (a & ap & around). destruct (out a ap) as (u & d & n).
      apply n, around, d.
    - intros away u near_. apply Rnot_le_lt. intro neg.
      destruct (segment_meets_frontier (fun u => 0 < F u) x u right) as (z & b & d); [lra |].
      specialize (away z b). rewrite (dist_sym x u) in d. lra.
  Qed.

  (* A little nearer to x the sign is still negative. *)
  Lemma negative_nearer x u : 0 < F x -> F u < 0 -> exists w, F w < 0 /\ dist x w < dist x u.
  Proof.
    intros right neg. pose proof (dist_nonneg X dist dist_self dist_sym dist_triangle x u) as long.
    destruct (negative_around u neg) as (a & ap & around). destruct (segments x u) as (p & start & stop & speed).
    assert (0 < dist x u) as apart.
    { apply Rnot_le_lt. intro z. assert (F x < 0); [| lra]. apply around. lra. }
    set (h := Rmin (1 / 2) (a / (2 * dist x u))).
    assert (0 < h /\ h <= 1 / 2 /\ h * dist x u < a) as (hp & hh & ha).
    { unfold h. repeat split; [apply Rmin_pos; [lra | apply Rdiv_lt_0_compat; lra] | apply Rmin_l |].
      apply Rle_lt_trans with (a / (2 * dist x u) * dist x u); [apply Rmult_le_compat_r; [lra | apply Rmin_r] |].
      replace (a / (2 * dist x u) * dist x u) with (a / 2) by (field; lra). lra. }
    exists (p (1 - h)). split.
    - apply around. rewrite <- stop at 1. rewrite speed. replace (1 - h - 1) with (- h) by ring.
      rewrite Rabs_Ropp, Rabs_pos_eq; lra.
    - rewrite <- start at 1. rewrite speed. replace (0 - (1 - h)) with (- (1 - h)) by ring.
      rewrite Rabs_Ropp, Rabs_pos_eq; nra.
  Qed.

  Theorem proposition_3_1_not_negative x delta : 0 < F x ->
    ((forall u, dist u x <= delta -> 0 <= F u) <-> (forall z, frontier (fun u => F u < 0) z -> delta <= dist x z)).
  Proof.
    intro right. split.
    - intros margin z [neg _]. apply Rnot_lt_le. intro close.
      destruct (neg (delta - dist x z) ltac:(lra)) as (u & d & n).
      pose proof (dist_triangle u z x). rewrite (dist_sym z x) in *. pose proof (margin u ltac:(lra)). lra.
    - intros away u near_. apply Rnot_lt_le. intro neg. destruct (negative_nearer x u right neg) as (w & wn & wd).
      destruct (segment_meets_frontier (fun u => ~ F u < 0) x w) as (z & [out in_] & d); [lra | auto |].
      assert (delta <= dist x z); [| rewrite (dist_sym x u) in wd; lra]. apply away. split; [| exact out].
      intros eps pos. destruct (in_ eps pos) as (v & dv & n). exists v. split; [exact dv | apply NNPP, n].
  Qed.

  Lemma boundary_in_frontier z : boundary X dist F z -> frontier (fun u => F u < 0) z.
  Proof.
    intros [zero signs]. split; intros eps pos.
    - destruct (signs (eps / 2) ltac:(lra)) as (u & v & du & dv & opposite).
      destruct (Rlt_le_dec (F u) 0) as [n | n]; [exists u; split; [lra | exact n] | exists v; split; [lra | nra]].
    - exists z. rewrite dist_self. split; lra.
  Qed.

  (* The two sets have the same lower bounds of their distances to x, so the same distance. *)
  Theorem proposition_3_1_boundary x r : (forall z eps, 0 < eps -> exists u, dist u z < eps /\ F u <> 0) -> 0 < F x ->
    (far_from_boundary X dist F x r <-> forall z, frontier (fun u => F u < 0) z -> r <= dist x z).
  Proof.
    intros no_plateau right. split; [| intros away z b; apply away, boundary_in_frontier, b].
    intros away z [neg _]. apply Rnot_lt_le. intro close.
    destruct (neg (r - dist x z) ltac:(lra)) as (w & d & n).
    destruct (segment_meets_boundary X dist dist_self dist_sym dist_triangle segments F continuous no_plateau x w right
      n)
      as (b & on & db).
    specialize (away b on). pose proof (dist_triangle x z w). rewrite (dist_sym z w) in *. lra.
  Qed.
End Plateau.

(* relu(t) - relu(-1 - t): a plateau at [-1, 0], and no boundary at all. *)
Definition plateau_net : list layer := [[([1], 0); ([-1], -1)]; [([1; -1], 0)]].
Definition plateau (t : R) : R := relu t - relu (-1 - t).
Lemma plateau_computes t : eval plateau_net [t] = [plateau t].
Proof.
  unfold plateau_net, plateau. simpl. f_equal. replace (1 * t + 0 + 0) with t by ring.
  replace (-1 * t + 0 + -1) with (-1 - t) by ring. ring.
Qed.

Theorem printed_proposition_3_1_fails_across_a_plateau : 0 < 1 * plateau 1 /\
  forall delta, 2 < delta -> far_from_boundary R (fun a b => Rabs (a - b)) plateau 1 delta /\
    ~ margin_nonneg R (fun a b => Rabs (a - b)) plateau 1 1 delta.
Proof.
  split; [unfold plateau; relu_split; lra |]. intros delta big. split.
  - intros z [zero signs]. exfalso. destruct (signs (1 / 2) ltac:(lra)) as (u & v & du & dv & opposite).
    assert (-1 <= z <= 0) by (revert zero; unfold plateau; relu_split; lra).
    unfold plateau in opposite. revert du dv opposite. unfold Rabs. repeat destruct Rcase_abs; relu_split; nra.
  - intro margin. specialize (margin (Rmax (-2) (1 - delta))).
    assert (0 <= 1 * plateau (Rmax (-2) (1 - delta))) as m.
    { apply margin. unfold Rmax, Rabs. destruct Rle_dec; destruct Rcase_abs; lra. }
    revert m. unfold plateau, Rmax. destruct Rle_dec; relu_split; lra.
Qed.
