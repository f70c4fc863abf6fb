(* Sums as executed: k additions in any order, each rounded, are within ((1 + u)^k - 1) * sum |v_i| of the exact sum,
   for any rounding with relative error u of sums; for binary64, round to nearest even and no overflow, u = 2^-53. *)
From Coq Require Import Reals ZArith List Lra Lia.
From Flocq Require Import Core Relative Plus_error.
Open Scope R_scope.

(* An order of summation is a binary tree. *)
Inductive tree := Leaf (v : R) | Node (a b : tree).
Fixpoint exact (t : tree) : R := match t with Leaf v => v | Node a b => exact a + exact b end.
Fixpoint size (t : tree) : R := match t with Leaf v => Rabs v | Node a b => size a + size b end.
Fixpoint additions (t : tree) : nat := match t with Leaf _ => 0 | Node a b => S (additions a + additions b) end.

Section AnyRounding.
  Variable fl : R -> R.
  Variable format : R -> Prop.
  Variable u : R.
  Hypothesis u_nonneg : 0 <= u.
  Hypothesis fl_format : forall x, format (fl x).
  Hypothesis fl_sum : forall x y, format x -> format y -> Rabs (fl (x + y) - (x + y)) <= u * Rabs (x + y).

  Fixpoint computed (t : tree) : R := match t with Leaf v => v | Node a b => fl (computed a + computed b) end.
  Fixpoint leaves_in_format (t : tree) : Prop := match t with Leaf v => format v | Node a b => leaves_in_format a /\
    leaves_in_format b end.

  Lemma computed_in_format t : leaves_in_format t -> format (computed t).
  Proof. destruct t; simpl; intro h; [exact h | apply fl_format]. Qed.
  Lemma size_nonneg t : 0 <= size t.
  Proof. induction t; simpl; [apply Rabs_pos | lra]. Qed.
  Lemma exact_le_size t : Rabs (exact t) <= size t.
  Proof. induction t; simpl; [lra |]. pose proof (Rabs_triang (exact t1) (exact t2)). lra. Qed.
  Lemma power_mono n m : (n <= m)%nat -> 1 <= (1 + u) ^ n <= (1 + u) ^ m.
  Proof. intro h. split; [apply pow_R1_Rle; lra | apply Rle_pow; [lra | exact h]]. Qed.

  Theorem any_order t : leaves_in_format t -> Rabs (computed t - exact t) <= ((1 + u) ^ additions t - 1) * size t.
  Proof.
    induction t as [v | a IHa b IHb]; intro h; [simpl; rewrite Rminus_eq_0, Rabs_R0; lra |].
    simpl in h. destruct h as [ha hb]. specialize (IHa ha). specialize (IHb hb).
    pose proof (fl_sum _ _ (computed_in_format a ha) (computed_in_format b hb)) as step.
    pose proof (exact_le_size a). pose proof (exact_le_size b). pose proof (size_nonneg a). pose proof (size_nonneg b).
    simpl computed. simpl exact. simpl size. simpl additions.
    destruct (power_mono (additions a) (additions a + additions b) ltac:(lia)) as [pa qa].
    destruct (power_mono (additions b) (additions a + additions b) ltac:(lia)) as [pb qb].
    set (P := (1 + u) ^ (additions a + additions b)) in *. simpl pow. fold P.
    assert (Rabs (computed a - exact a) <= (P - 1) * size a) as A by nra.
    assert (Rabs (computed b - exact b) <= (P - 1) * size b) as B by nra.
    assert (Rabs (computed a + computed b - (exact a + exact b)) <= (P - 1) * (size a + size b)) as C.
    { replace (computed a + computed b - (exact a + exact b)) with ((computed a - exact a) + (computed b - exact b))
      by ring.
      pose proof (Rabs_triang (computed a - exact a) (computed b - exact b)). lra. }
    assert (Rabs (computed a + computed b) <= P * (size a + size b)) as D.
    { replace (computed a + computed b) with ((computed a + computed b - (exact a + exact b)) + (exact a + exact b))
      by ring.
      pose proof (Rabs_triang (computed a + computed b - (exact a + exact b)) (exact a + exact b)).
      pose proof (Rabs_triang (exact a) (exact b)). lra. }
    replace (fl (computed a + computed b) - (exact a + exact b))
      with ((fl (computed a + computed b) - (computed a + computed b)) + (computed a + computed b - (exact a + exact
        b))) by ring.
    pose proof (Rabs_triang (fl (computed a + computed b) - (computed a + computed b)) (computed a + computed b -
      (exact a + exact b))).
    assert (u * Rabs (computed a + computed b) <= u * (P * (size a + size b))) by (apply Rmult_le_compat_l;
      assumption). lra.
  Qed.
End AnyRounding.

(* binary64, round to nearest even, exponent not bounded above: no overflow, which the checker excludes by size. *)
#[local] Instance prec53 : Prec_gt_0 53 := eq_refl.
Definition binary64 : R -> R := round radix2 (FLT_exp (-1074) 53) ZnearestE.
Definition is_binary64 : R -> Prop := generic_format radix2 (FLT_exp (-1074) 53).

Theorem any_order_binary64 t : leaves_in_format is_binary64 t ->
  Rabs (computed binary64 t - exact t) <= ((1 + bpow radix2 (-53)) ^ additions t - 1) * size t.
Proof.
  apply any_order.
  - apply bpow_ge_0.
  - intro x. apply generic_format_round; [apply FLT_exp_valid; reflexivity | apply valid_rnd_N].
  - intros x y fx fy.
    destruct (FLT_plus_error_N_ex radix2 (-1074) 53 (fun z => negb (Z.even z)) x y fx fy) as (eps & he & e).
    unfold binary64. fold ZnearestE in e. rewrite e.
    replace ((x + y) * (1 + eps) - (x + y)) with (eps * (x + y)) by ring. rewrite Rabs_mult.
    apply Rmult_le_compat_r; [apply Rabs_pos |]. eapply Rle_trans; [exact he |].
    unfold u_ro. change (- (53) + 1)%Z with (-52)%Z. change (bpow radix2 (-52)) with (bpow radix2 (1 + -53)).
    rewrite bpow_plus.
    change (bpow radix2 1) with 2. pose proof (bpow_ge_0 radix2 (-53)) as p.
    replace (/ 2 * (2 * bpow radix2 (-53))) with (bpow radix2 (-53)) by lra.
    apply Rmult_le_reg_r with (1 + bpow radix2 (-53)); [lra |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. nra.
Qed.
