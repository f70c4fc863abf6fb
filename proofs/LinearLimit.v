(* claim-linear-limit, repaired: under the conditions of Theorem 5.2, with different labels of the sample more than 2
   delta apart, the target f* and the ideal classifier f_adv (clean classifier w* . x, the small-margin points
   memorized) have the same sign on every l_2 ball of radius delta around a point of the sample: that of its label; and
   f* = w* . x wherever every neuron is off. *)
From Coq Require Import Reals List Lra Lia Bool.
Require Import Network Memorizer Vectors Tents Levels Euclid Hoelder Theorem52.
Import ListNotations.
Open Scope R_scope.

Section Limit.
  Variables (d n : nat) (w : list R) (alpha beta delta b : R).
  Variables (y : nat -> R) (xi : nat -> list R) (small : nat -> bool).
  Hypotheses (w_length : length w = d) (w_unit : dot w w = 1).
  Hypothesis labels : forall i, (i < n)%nat -> y i = 1 \/ y i = -1.
  Hypothesis noise : forall i, (i < n)%nat -> length (xi i) = d /\ dot w (xi i) = 0.
  Notation point := (point w alpha beta y xi small).
  Notation target := (target n w b y xi small).
  Hypothesis large_margin : delta < alpha.
  Hypothesis others_off : forall i j, (i < n)%nat -> In j (smalls n small) -> i <> j ->
    dot (xi j) (point i) + delta * norm_2 (xi j) <= b.
  Hypothesis own_wins : forall i, In i (smalls n small) ->
    delta * sqrt (1 + norm_2 (xi i) * norm_2 (xi i)) < beta + norm_2 (xi i) * norm_2 (xi i) - b.
  Hypothesis apart : forall i j, (i < n)%nat -> (j < n)%nat -> y i <> y j -> 2 * delta < dist_2 (point i) (point j).

  Definition memorized : list (list R * R) := map (fun i => (point i, y i)) (smalls n small).
  Definition ideal : list R -> R := f_adv (list R) dist_2 delta memorized (dot w).

  Theorem claim_linear_limit i z : (i < n)%nat -> length z = d -> dist_2 z (point i) <= delta ->
    0 < y i * target z /\ 0 < y i * ideal z.
  Proof.
    intros h len near.
    split; [apply (theorem_5_2_target d n w alpha beta delta b y xi small); assumption |].
    assert (length (point i) = d) as li by exact (point_length d n w alpha beta y xi small w_length noise i h).
    assert (forall cy, In cy memorized -> in_ball (list R) dist_2 delta z cy = true -> snd cy = y i) as same.
    { intros cy m inside. apply in_map_iff in m. destruct m as (j & <- & m). apply in_smalls in m. destruct m as [jn _].
      unfold in_ball in inside. simpl in *. destruct Rle_dec as [close |]; [| discriminate].
      destruct (Req_dec (y j) (y i)) as [e | ne]; [exact e | exfalso].
      assert (length (point j) = d) as lj by exact (point_length d n w alpha beta y xi small w_length noise j jn).
      pose proof (apart j i jn h ne). pose proof (dist_2_triangle (point j) z (point i) ltac:(congruence)
        ltac:(congruence)).
      rewrite (dist_2_sym (point j) z) in *. lra. }
    unfold ideal, f_adv. destruct (existsb (in_ball (list R) dist_2 delta z) memorized) eqn:some; simpl one.
    - rewrite Rmult_0_r, Rplus_0_r. apply existsb_exists in some. destruct some as (cy & m & inside).
      assert (y i * y i = 1) as yy by (destruct (labels i h) as [-> | ->]; ring).
      assert (forall l, (forall q, In q l -> In q memorized) ->
        0 <= y i * sum (map (fun q => snd q * one (in_ball (list R) dist_2 delta z q)) l) /\
        (In cy l -> 0 < y i * sum (map (fun q => snd q * one (in_ball (list R) dist_2 delta z q)) l))) as all.
      { induction l as [| q l IH]; intro sub; [simpl; split; [lra | intros []] |].
        destruct (IH (fun p k => sub p (or_intror k))) as [pos on]. cbn [map]. change (sum (?v :: ?r)) with (v + sum r).
        rewrite Rmult_plus_distr_l.
        assert (y i * (snd q * one (in_ball (list R) dist_2 delta z q)) =
          one (in_ball (list R) dist_2 delta z q)) as head.
        { pose proof (same q (sub q (or_introl eq_refl))) as s. destruct (in_ball (list R) dist_2 delta z q); simpl one;
            [rewrite s, Rmult_1_r by reflexivity; exact yy | ring]. }
        rewrite head. assert (0 <= one (in_ball (list R) dist_2 delta z q)) by (clear; unfold one;
          destruct (in_ball (list R) dist_2 delta z q); lra).
        split; [lra |]. intros [e | k]; [subst q; rewrite inside in *; unfold one in *; lra | specialize (on k); lra]. }
      apply (all memorized (fun q k => k)), m.
    - assert (small i = false) as large.
      { destruct (small i) eqn:e; [exfalso | reflexivity].
        assert (existsb (in_ball (list R) dist_2 delta z) memorized = true) as t; [| congruence].
        apply existsb_exists. exists (point i, y i). split.
        - apply in_map with (f := fun i => (point i, y i)). apply in_smalls. auto.
        - unfold in_ball. simpl. destruct Rle_dec; [reflexivity | contradiction]. }
      assert (sum (map (fun cy => snd cy * one (in_ball (list R) dist_2 delta z cy)) memorized) = 0) as ->.
      { rewrite (map_ext_in _ (fun _ => 0)); [apply sum_of_zeros |]. intros cy m.
        destruct (in_ball (list R) dist_2 delta z cy) eqn:e; [exfalso | simpl; ring].
        assert (existsb (in_ball (list R) dist_2 delta z) memorized = true) by (apply existsb_exists; exists cy; auto).
        congruence. }
      pose proof (moves delta w (point i) z ltac:(congruence) near) as [low high].
      destruct (noise i h) as [xl orth].
      rewrite (dot_point d n w alpha beta y xi small w_length noise w i h), large, w_unit, orth in low, high.
      assert (norm_2 w = 1) as unit by (unfold norm_2; rewrite w_unit; apply sqrt_1). rewrite unit in *.
      destruct (labels i h) as [l | l]; rewrite l in *; lra.
  Qed.
  Theorem linear_where_off z : (forall j, In j (smalls n small) -> dot (xi j) z <= b) -> target z = dot w z.
  Proof.
    intro all. unfold target, mixed. rewrite (sum_of_others b y xi z (smalls n small)); [ring |].
    intros j m. apply relu_neg. specialize (all j m). lra.
  Qed.
End Limit.
