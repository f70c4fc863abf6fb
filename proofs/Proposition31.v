(* Proposition 3.1 as printed is false, even for a continuous f with a boundary point: at a misclassified point.
   Repaired, for the decision boundary: f continuous, {f = 0} with empty interior, y f(x) > 0, delta >= 0; then y f >= 0
   on the closed ball of radius delta around x exactly when every point of DB(f) is at least delta away (so < 0
   somewhere in it exactly when one is nearer). In every metric space with segments, such as R^d with any norm. *)
From Coq Require Import Reals Lra Classical.
Open Scope R_scope.

Section Boundary.
  Variable X : Type.
  Variable dist : X -> X -> R.

  (* The paper's decision boundary, read in the whole space. *)
  Definition boundary (f : X -> R) (z : X) : Prop :=
    f z = 0 /\ forall eps, 0 < eps -> exists u v, dist u z <= eps /\ dist v z <= eps /\ f u * f v < 0.
  Definition margin_nonneg (f : X -> R) (y : R) (x : X) (delta : R) : Prop := forall u, dist u x <= delta ->
    0 <= y * f u.
  Definition far_from_boundary (f : X -> R) (x : X) (delta : R) : Prop := forall z, boundary f z -> delta <= dist x z.
End Boundary.

Notation line := (fun a b => Rabs (a - b)) (only parsing).
Definition printed_proposition_3_1 : Prop := forall (f : R -> R) y x delta,
  (y = 1 \/ y = -1) -> 0 < delta -> continuity f -> (exists z, boundary R line f z) ->
  (margin_nonneg R line f y x delta <-> far_from_boundary R line f x delta).

Theorem printed_proposition_3_1_fails : ~ printed_proposition_3_1.
Proof.
  intro h. destruct (h (fun x => x - 1 / 2) (-1) 1 (1 / 4)) as [_ back]; [lra | lra | | |].
  { apply (continuity_minus id (fun _ => 1 / 2)); [apply derivable_continuous, derivable_id |].
    apply continuity_const. intros a b. reflexivity. }
  { exists (1 / 2). split; [lra |]. intros eps pos. exists (1 / 2 + eps), (1 / 2 - eps).
    repeat split; [| | nra]; unfold Rabs; destruct Rcase_abs; lra. }
  assert (far_from_boundary R line (fun x => x - 1 / 2) 1 (1 / 4)) as far.
  { intros z [e _]. unfold Rabs. destruct Rcase_abs; lra. }
  specialize (back far 1). cbv beta in back. replace (1 - 1) with 0 in back by ring. rewrite Rabs_R0 in back. lra.
Qed.

Section Repaired.
  Variable X : Type.
  Variable dist : X -> X -> R.
  Hypothesis dist_self : forall x, dist x x = 0.
  Hypothesis dist_sym : forall x y, dist x y = dist y x.
  Hypothesis dist_triangle : forall x y z, dist x z <= dist x y + dist y z.
  Hypothesis segments : forall x y, exists p : R -> X,
    p 0 = x /\ p 1 = y /\ forall s t, dist (p s) (p t) = Rabs (s - t) * dist x y.

  Lemma dist_nonneg x y : 0 <= dist x y.
  Proof. pose proof (dist_triangle x y x) as t. rewrite dist_self, (dist_sym y x) in t. lra. Qed.

  Variable F : X -> R.                      (* y f *)
  Hypothesis continuous : forall x eps, 0 < eps -> exists a, 0 < a /\ forall u, dist u x < a -> Rabs (F u - F x) < eps.
  Hypothesis no_plateau : forall z eps, 0 < eps -> exists u, dist u z < eps /\ F u <> 0.

  Definition near_sign (sign : R) (z : X) : Prop := forall eps, 0 < eps -> exists u, dist u z < eps /\ 0 < sign * F u.

  Lemma near_sign_closed sign z : (forall eps, 0 < eps -> exists w, dist w z < eps /\ near_sign sign w) ->
    near_sign sign z.
  Proof.
    intros h eps pos. destruct (h (eps / 2) ltac:(lra)) as (w & near & s).
    destruct (s (eps / 2) ltac:(lra)) as (u & d & q).
    exists u. split; [| exact q]. pose proof (dist_triangle u w z). lra.
  Qed.

  Lemma near_one_sign z : near_sign 1 z \/ near_sign (-1) z.
  Proof.
    apply NNPP. intro n. apply not_or_and in n. destruct n as [n1 n2].
    apply not_all_ex_not in n1. destruct n1 as (e1 & n1). apply imply_to_and in n1. destruct n1 as [p1 n1].
    apply not_all_ex_not in n2. destruct n2 as (e2 & n2). apply imply_to_and in n2. destruct n2 as [p2 n2].
    destruct (no_plateau z (Rmin e1 e2) ltac:(apply Rmin_pos; lra)) as (u & d & nz).
    pose proof (Rmin_l e1 e2). pose proof (Rmin_r e1 e2).
    destruct (Rtotal_order (F u) 0) as [neg | [zero | pos]]; [| contradiction |].
    - apply n2. exists u. split; lra.
    - apply n1. exists u. split; lra.
  Qed.

  Lemma both_signs_is_boundary z : near_sign 1 z -> near_sign (-1) z -> boundary X dist F z.
  Proof.
    intros p n. split.
    - destruct (Rtotal_order (F z) 0) as [neg | [zero | pos]]; [exfalso | exact zero | exfalso].
      + destruct (continuous z (- F z) ltac:(lra)) as (a & ap & c). destruct (p a ap) as (u & d & s).
        specialize (c u d). unfold Rabs in c. destruct Rcase_abs in c; lra.
      + destruct (continuous z (F z) pos) as (a & ap & c). destruct (n a ap) as (u & d & s).
        specialize (c u d). unfold Rabs in c. destruct Rcase_abs in c; lra.
    - intros eps pos. destruct (p eps pos) as (u & du & su). destruct (n eps pos) as (v & dv & sv).
      exists u, v. repeat split; [lra | lra | nra].
  Qed.

  (* A segment from the positive to the negative side meets the boundary. *)
  Lemma segment_meets_boundary x u : 0 < F x -> F u < 0 -> exists z, boundary X dist F z /\ dist x z <= dist x u.
  Proof.
    intros pos neg. destruct (segments x u) as (p & start & stop & speed).
    set (E := fun t => 0 <= t <= 1 /\ near_sign 1 (p t)).
    assert (E 0) as e0.
    { split; [lra |]. intros eps ep. exists x. rewrite start, dist_self. split; lra. }
    assert (is_upper_bound E 1) as ub by (intros t [b _]; lra).
    destruct (completeness E (ex_intro _ 1 ub) (ex_intro _ 0 e0)) as (s & upper & least).
    assert (0 <= s) by (apply upper, e0). assert (s <= 1) by (apply least, ub).
    pose proof (dist_nonneg x u) as long.
    assert (forall eps, 0 < eps -> exists h, 0 < h /\ forall t, Rabs (t - s) < h -> dist (p t) (p s) < eps) as path.
    { intros eps ep. exists (eps / (dist x u + 1)). split; [apply Rdiv_lt_0_compat; lra |].
      intros t ht. rewrite speed. pose proof (Rabs_pos (t - s)).
      apply Rmult_lt_compat_r with (r := dist x u + 1) in ht; [| lra]. unfold Rdiv in ht.
      rewrite Rmult_assoc, Rinv_l, Rmult_1_r in ht by lra. nra. }
    exists (p s). split.
    - apply both_signs_is_boundary; apply near_sign_closed; intros eps ep; destruct (path eps ep) as (h & hp & close).
      + (* points of E come near the supremum *)
        apply NNPP. intro none. assert (is_upper_bound E (s - h)) as b.
        { intros t et. destruct (Rle_lt_dec t (s - h)) as [ok | big]; [exact ok | exfalso]. apply none. exists (p t).
          assert (t <= s) by (apply upper, et). split; [| apply et]. apply close. unfold Rabs.
          destruct Rcase_abs; lra. }
        apply least in b. lra.
      + (* beyond it there is only the other sign; at 1 there is that sign too *)
        destruct (Rle_lt_dec 1 s) as [end_ | before].
        * replace s with 1 by lra. exists (p 1). rewrite dist_self. split; [lra |].
          intros e ep'. exists u. rewrite stop, dist_self. split; lra.
        * set (t := s + Rmin (h / 2) (1 - s)).
          assert (0 < Rmin (h / 2) (1 - s)) by (apply Rmin_pos; lra).
          pose proof (Rmin_l (h / 2) (1 - s)). pose proof (Rmin_r (h / 2) (1 - s)).
          exists (p t). split.
          -- apply close. unfold t. replace (s + Rmin (h / 2) (1 - s) - s) with (Rmin (h / 2) (1 - s)) by ring.
             rewrite Rabs_pos_eq; lra.
          -- destruct (near_one_sign (p t)) as [plus | minus]; [exfalso | exact minus].
             assert (t <= s) by (apply upper; split; [unfold t; lra | exact plus]). unfold t in *. lra.
    - rewrite <- start at 1. rewrite speed. unfold Rabs. destruct Rcase_abs; nra.
  Qed.

  Lemma margin_is_distance x delta : 0 < delta -> 0 < F x ->
    ((forall u, dist u x <= delta -> 0 <= F u) <-> far_from_boundary X dist F x delta).
  Proof.
    intros dp right. split.
    - intros margin z [_ signs]. destruct (Rle_lt_dec delta (dist x z)) as [ok | near]; [exact ok | exfalso].
      destruct (signs (delta - dist x z) ltac:(lra)) as (u & v & du & dv & opposite).
      pose proof (dist_triangle u z x). pose proof (dist_triangle v z x). rewrite (dist_sym z x) in *.
      pose proof (margin u ltac:(lra)). pose proof (margin v ltac:(lra)). nra.
    - intros far u near. destruct (Rle_lt_dec 0 (F u)) as [ok | neg]; [exact ok | exfalso].
      (* a little inside of the ball F is still negative *)
      assert (exists w, F w < 0 /\ dist x w < delta) as (w & wn & wd).
      { destruct (Rle_lt_dec delta (dist x u)) as [edge | inside]; [| exists u; split; [exact neg | exact inside]].
        assert (dist x u = delta) as e by (rewrite dist_sym in near; lra).
        destruct (segments x u) as (p & start & stop & speed).
        destruct (continuous u (- F u) ltac:(lra)) as (a & ap & c).
        set (h := Rmin (1 / 2) (a / (2 * delta))).
        assert (0 < h /\ h <= 1 / 2 /\ h * delta < a) as (hp & hh & ha).
        { unfold h. repeat split.
          - apply Rmin_pos; [lra | apply Rdiv_lt_0_compat; lra].
          - apply Rmin_l.
          - apply Rle_lt_trans with (a / (2 * delta) * delta).
            + apply Rmult_le_compat_r; [lra | apply Rmin_r].
            + replace (a / (2 * delta) * delta) with (a / 2) by (field; lra). lra. }
        exists (p (1 - h)). split.
        - assert (dist (p (1 - h)) u < a) as d.
          { rewrite <- stop at 1. rewrite speed, e. replace (1 - h - 1) with (- h) by ring.
            rewrite Rabs_Ropp, Rabs_pos_eq; lra. }
          specialize (c _ d). unfold Rabs in c. destruct Rcase_abs in c; lra.
        - rewrite <- start at 1. rewrite speed, e. replace (0 - (1 - h)) with (- (1 - h)) by ring.
          rewrite Rabs_Ropp, Rabs_pos_eq; [nra | lra]. }
      destruct (segment_meets_boundary x w right wn) as (z & b & d). pose proof (far z b). lra.
  Qed.
End Repaired.

Section Statement.
  Variable X : Type.
  Variable dist : X -> X -> R.
  Hypothesis dist_self : forall x, dist x x = 0.
  Hypothesis dist_sym : forall x y, dist x y = dist y x.
  Hypothesis dist_triangle : forall x y z, dist x z <= dist x y + dist y z.
  Hypothesis segments : forall x y, exists p : R -> X,
    p 0 = x /\ p 1 = y /\ forall s t, dist (p s) (p t) = Rabs (s - t) * dist x y.
  Variable f : X -> R.
  Hypothesis continuous : forall x eps, 0 < eps -> exists a, 0 < a /\ forall u, dist u x < a -> Rabs (f u - f x) < eps.
  Hypothesis no_plateau : forall z eps, 0 < eps -> exists u, dist u z < eps /\ f u <> 0.

  Lemma boundary_of_product y z : y = 1 \/ y = -1 -> (boundary X dist (fun u => y * f u) z <-> boundary X dist f z).
  Proof.
    intro label. split; intros [zero near]; (split; [destruct label; subst y; lra |]); intros eps pos;
      destruct (near eps pos) as (u & v & du & dv & opposite); exists u, v; repeat split; try assumption;
      destruct label; subst y; lra.
  Qed.

  Theorem proposition_3_1 y x delta : y = 1 \/ y = -1 -> 0 < y * f x -> 0 <= delta ->
    (margin_nonneg X dist f y x delta <-> far_from_boundary X dist f x delta).
  Proof.
    intros label right [pos | <-].
    - transitivity (far_from_boundary X dist (fun u => y * f u) x delta).
      + apply (margin_is_distance X dist dist_self dist_sym dist_triangle segments (fun u => y * f u)); try assumption.
        * intros z eps ep. destruct (continuous z eps ep) as (a & ap & c). exists a. split; [exact ap |].
          intros u near. specialize (c u near). destruct label; subst y; unfold Rabs in *; repeat destruct Rcase_abs;
            lra.
        * intros z eps ep. destruct (no_plateau z eps ep) as (u & near & nz). exists u. split; [exact near |].
          destruct label; subst y; lra.
      + split; intros far z b; apply far; apply (boundary_of_product y z label); exact b.
    - split; intro.
      + intros z _. apply (dist_nonneg X dist); assumption.
      + intros u near. assert (dist u x = 0) as same.
        { apply Rle_antisym; [exact near | apply (dist_nonneg X dist); assumption]. }
        destruct (Rle_lt_dec 0 (y * f u)) as [ok | neg]; [exact ok | exfalso].
        destruct (continuous x (y * f x) right) as (a & ap & c). specialize (c u ltac:(lra)).
        destruct label; subst y; unfold Rabs in c; destruct Rcase_abs in c; lra.
  Qed.
End Statement.

(* The hypotheses on the space hold on the line. *)
Example line_has_segments x y : exists p : R -> R, p 0 = x /\ p 1 = y /\
  forall s t, Rabs (p s - p t) = Rabs (s - t) * Rabs (x - y).
Proof.
  exists (fun t => x + t * (y - x)). repeat split; try ring. intros s t.
  replace (x + s * (y - x) - (x + t * (y - x))) with ((s - t) * - (x - y)) by ring.
  rewrite Rabs_mult, Rabs_Ropp. reflexivity.
Qed.
