(* Theorem 3.3 and Corollary 3.4, repaired, p = 1, with features of each memorized point's own: a strict ReLU network
   equal to f_adv on the box off the shells delta < ||x - x_i||_1 < delta + gamma, with at most (6 d + 4) n + 2
   nonzero(f_clean) + 2 depth(f_hat) + 23 non-zeros, (6 d + 3) n of them in the indicators, as in the paper's proof
   sketch. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus SoftIndicator Linf IndicatorsInf Memorizer Layers AnyIndicators.
Import ListNotations.
Open Scope R_scope.

Fixpoint dist_1 (x c : list R) : R :=
  match x, c with a :: x', b :: c' => Rabs (a - b) + dist_1 x' c' | _, _ => 0 end.

Lemma dist_1_sym x c : dist_1 x c = dist_1 c x.
Proof. revert c; induction x; destruct c; simpl; try reflexivity. rewrite IHx, Rabs_minus_sym. reflexivity. Qed.
Lemma dist_1_triangle x y z : length x = length y -> length y = length z -> dist_1 x z <= dist_1 x y + dist_1 y z.
Proof.
  revert y z; induction x as [| a x IH]; destruct y as [| b y], z as [| c z]; simpl; intros; try discriminate; try lra.
  injection H as H; injection H0 as H0. specialize (IH y z H H0). pose proof (Rabs_triang (a - b) (b - c)) as t.
  replace (a - b + (b - c)) with (a - c) in t by ring. lra.
Qed.
Lemma excess_of_no_radius x c : excess 0 x c = dist_1 x c.
Proof.
  revert c; induction x as [| a x IH]; destruct c as [| b c]; simpl; try reflexivity. rewrite IH. f_equal.
  unfold Rabs. destruct Rcase_abs; relu_split; lra.
Qed.

Section Features.
  Variables (d : nat) (delta gamma : R).
  Variable centres : list (list R).
  Hypothesis dimension : forall c, In c centres -> length c = d.
  Notation n := (length centres).
  (* ||x - c_i||_1 - delta *)
  Definition excess_1 : list layer := [flat_map (sides 0 0) centres; block_sums 1 (- delta) (2 * d) 0 n].
  Definition features_1 : list layer := soften n gamma excess_1.

  Lemma excess_1_compute x : length x = d -> eval excess_1 x = map (fun c => dist_1 x c - delta) centres.
  Proof.
    intro len. unfold excess_1. simpl eval.
    assert (map relu (affine (flat_map (sides 0 0) centres) x) = [] ++ flat_map (hidden 0 x) centres) as ->.
    { simpl. unfold hidden. clear. induction centres as [| c cs IH]; simpl; [reflexivity |].
      rewrite affine_app, map_app, IH. reflexivity. }
    rewrite block_sums_compute with (k := 0%nat); [| | reflexivity].
    - apply map_ext_in. intros c i. unfold hidden.
      rewrite sides_excess by (simpl; rewrite (dimension c i); symmetry; exact len). rewrite excess_of_no_radius.
      change (skipn 0 x) with x. ring.
    - intros c i. unfold hidden. rewrite map_length, affine_length, sides_length, (dimension c i). reflexivity.
  Qed.
  Lemma sides_total : length (flat_map (sides 0 0) centres) = (n * (2 * d))%nat.
  Proof.
    induction centres as [| c cs IH]; simpl; [reflexivity |].
    rewrite app_length, sides_length, (dimension c) by (left; reflexivity).
    rewrite IH by (intros; apply dimension; right; assumption). simpl. lia.
  Qed.
  Lemma excess_1_fit : fits d excess_1.
  Proof.
    simpl. repeat split.
    - apply Forall_flat_map. apply Forall_forall. intros c i. apply sides_fit. simpl. rewrite (dimension c i). lia.
    - apply block_sums_fit. simpl. rewrite sides_total. lia.
  Qed.
  Lemma excess_1_nonzero : (nonzero excess_1 <= (6 * d + 1) * n)%nat.
  Proof.
    change (nonzero excess_1) with
      (nz_layer (flat_map (sides 0 0) centres) + (nz_layer (block_sums 1 (- delta) (2 * d) 0 n) + 0))%nat.
    pose proof (block_sums_nonzero 1 (- delta) (2 * d) 0 n) as r.
    assert (nz_layer (flat_map (sides 0 0) centres) <= 4 * d * n)%nat; [| nia].
    clear r. induction centres as [| c cs IH]; [apply PeanoNat.Nat.le_0_l |]. simpl flat_map. rewrite nz_layer_app.
    pose proof (sides_nonzero 0 0 c) as s. rewrite (dimension c) in s by (left; reflexivity).
    specialize (IH (fun c i => dimension c (or_intror i))). simpl length. nia.
  Qed.
End Features.

Section L1.
  Variables (d : nat) (delta gamma M : R).
  Hypotheses (delta_nonneg : 0 <= delta) (gamma_pos : 0 < gamma).
  Variable small : list (list R * R).
  Hypothesis small_labelled : labelled d small.
  Variables (clean : list layer) (f_clean : list R -> R).
  Hypothesis clean_classifies : classifier d clean f_clean.
  Variable box : list R -> Prop.
  Hypothesis bound : forall x, length x = d -> box x -> Rabs (f_clean x) <= M.
  Notation n := (length small).

  Lemma memorizer_l1 : exists net,
    (nonzero net <= (6 * d + 4) * n + 2 * nonzero clean + 2 * length net + 23)%nat /\ fits d net /\
    represents_f_adv dist_1 d delta gamma box f_clean small net /\
    memorizes_robustly dist_1 d delta gamma box f_clean small net.
  Proof.
    set (centres := map fst small).
    assert (forall c, In c centres -> length c = d) as dim.
    { intros c i. apply in_map_iff in i. destruct i as (cy & <- & j). apply small_labelled, j. }
    assert (length centres = n) as nn by apply map_length.
    assert (excess_1 d delta centres <> []) as some by discriminate.
    assert (length (last (excess_1 d delta centres) []) = length centres) as w by (simpl; apply block_sums_length).
    pose proof (excess_1_fit d delta centres dim) as fit.
    destruct (memorizer_of_indicators dist_1 dist_1_sym dist_1_triangle d delta gamma M gamma_pos small small_labelled
      clean f_clean clean_classifies box bound (fun c x => soft delta gamma (dist_1 x c))
      (features_1 d delta gamma centres)) as (net & size & _ & f & rep & rob).
    - discriminate.
    - apply soften_fits; assumption.
    - unfold features_1. rewrite soften_width. exact nn.
    - intros x len _. unfold features_1. rewrite soften_computes by assumption.
      rewrite excess_1_compute by assumption. unfold centres. rewrite !map_map. reflexivity.
    - intros. apply soft_inside; assumption.
    - intros. apply soft_outside; assumption.
    - intros. apply soft_range; assumption.
    - exists net. split; [| auto]. pose proof (excess_1_nonzero d delta centres dim) as e.
      pose proof (soften_nonzero (length centres) gamma (excess_1 d delta centres)) as s.
      unfold features_1 in size. rewrite nn in *. lia.
  Qed.

  Theorem theorem_3_3_l1 : exists net,
    (nonzero net <= (6 * d + 4) * n + 2 * nonzero clean + 2 * length net + 23)%nat /\ fits d net /\
    represents_f_adv dist_1 d delta gamma box f_clean small net.
  Proof. destruct memorizer_l1 as (net & size & fit & rep & _). exists net. auto. Qed.

  Theorem corollary_3_4_l1 : exists net,
    (nonzero net <= (6 * d + 4) * n + 2 * nonzero clean + 2 * length net + 23)%nat /\ fits d net /\
    memorizes_robustly dist_1 d delta gamma box f_clean small net.
  Proof. destruct memorizer_l1 as (net & size & fit & _ & rob). exists net. auto. Qed.
End L1.
