(* claim-linear-data-separation, on the population: x = c y w + xi with unit w, xi orthogonal to w, c = alpha or
   beta, 0 < beta < delta < alpha. Points of different labels are at least 2 beta apart in l_2, and every noise xi
   has two that are 2 beta apart, so the classes are 2 beta < 2 delta apart: not of the kind of section 3, which asks
   for R > 2 delta. *)
From Coq Require Import Reals List Lra.
Require Import Network Theorem51.
Import ListNotations.
Open Scope R_scope.

Section LinearData.
  Variable d : nat.
  Variables (w : vec) (alpha beta delta : R).
  Hypothesis unit : ip d w w = 1.
  Hypothesis scales : 0 < beta /\ beta < delta /\ delta < alpha.
  Definition noise (xi : vec) : Prop := ip d w xi = 0.
  Definition point (c y : R) (xi : vec) : vec := combine (c * y) w 1 xi.
  Definition scale_of (c : R) : Prop := c = alpha \/ c = beta.
  Definition distance2 (u v : vec) : R := sqrt (ip d (combine 1 u (-1) v) (combine 1 u (-1) v)).

  Lemma component c y xi : noise xi -> ip d w (point c y xi) = c * y.
  Proof. intro n. unfold noise in n. unfold point. rewrite ip_combine_r, unit, n. ring. Qed.

  (* a vector is at least as long as its part along w *)
  Lemma longer_than_component v : ip d w v * ip d w v <= ip d v v.
  Proof.
    pose proof (ip_nonneg d (combine 1 v (- ip d w v) w)) as n.
    rewrite ip_combine_l, !ip_combine_r, (ip_sym d v w), unit in n. lra.
  Qed.

  Theorem classes_at_least c c' xi xi' : scale_of c -> scale_of c' -> noise xi -> noise xi' ->
    2 * beta <= distance2 (point c 1 xi) (point c' (-1) xi').
  Proof.
    intros sc sc' n n'. assert (2 * beta <= c + c') as le by (destruct sc as [-> | ->], sc' as [-> | ->]; lra).
    unfold distance2. set (v := combine 1 (point c 1 xi) (-1) (point c' (-1) xi')).
    assert (ip d w v = c + c') as e by (unfold v; rewrite ip_combine_r, !component by assumption; ring).
    pose proof (longer_than_component v) as long. rewrite e in long.
    rewrite <- (sqrt_square (2 * beta)) by lra. apply sqrt_le_1_alt. nra.
  Qed.

  Theorem classes_no_further xi : noise xi -> distance2 (point beta 1 xi) (point beta (-1) xi) = 2 * beta.
  Proof.
    intro n. unfold distance2, point. rewrite <- (sqrt_square (2 * beta)) by lra. f_equal. unfold noise in n.
    rewrite !ip_combine_l, !ip_combine_r, !(ip_sym d xi w), unit, n. ring.
  Qed.

  (* No R > 2 delta separates the classes. *)
  Theorem population_is_not_separated xi R_ : noise xi ->
    (forall c c' a b, scale_of c -> scale_of c' -> noise a -> noise b -> R_ < distance2 (point c 1 a) (point c' (-1)
      b)) ->
    R_ < 2 * delta.
  Proof.
    intros n apart. specialize (apart beta beta xi xi (or_intror eq_refl) (or_intror eq_refl) n n).
    rewrite (classes_no_further xi n) in apart. lra.
  Qed.
End LinearData.
