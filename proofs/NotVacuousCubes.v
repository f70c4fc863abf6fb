(* The hypotheses of Theorems 3.5 and 6.2 can be met: for every labelling y the uniform law on the centres of the
   cubes is 1-balanced; and in two dimensions, with two cubes at radius 1/4, the networks without a non-zero have one
   pattern. *)
From Coq Require Import Reals List Lra Lia Bool.
Require Import Network Calculus Linf Memorizer Law Labellings L1 Lp Cubes Theorem35.
Import ListNotations.
Open Scope R_scope.

Section Centres.
  Variables (d m : nat) (eta tau : R).
  Hypothesis eta_nonneg : 0 <= eta.
  Variable words : list (list nat).
  Hypothesis words_of_length : forall w, In w words -> word d m w.
  Variable y : list bool.
  Definition centre (k : nat) : list R := place m eta (nth k words []) ++ [1 / 2 + tau * sign (nth k y true)].
  Lemma dist_inf_self x : dist_inf x x = 0.
  Proof. induction x as [| a x IH]; simpl; [reflexivity |]. rewrite IH, Rminus_diag_eq, Rabs_R0 by reflexivity.
    apply Rmax_left. lra. Qed.
  Lemma centre_length k : (k < length words)%nat -> length (centre k) = d.
  Proof.
    intro h. destruct (words_of_length (nth k words []) (nth_In _ _ h)) as [e _].
    unfold centre, place. rewrite app_length, map_length, Nat.add_1_r. exact e.
  Qed.
  Definition datum (k : nat) (h : (k < length words)%nat) : Rd d * R :=
    (exist _ (centre k) (centre_length k h), sign (nth k y true)).
  Fixpoint data (n : nat) : (n <= length words)%nat -> list (Rd d * R) :=
    match n with
    | O => fun _ => []
    | S k => fun h => datum k h :: data k (Nat.lt_le_incl _ _ h)
    end.
  Lemma data_length n h : length (data n h) = n.
  Proof. induction n as [| n IH]; simpl; [reflexivity | rewrite IH; reflexivity]. Qed.

  Lemma in_its_cube k h : in_cubes d m eta tau words y [k] (datum k h).
  Proof.
    exists k. split; [left; reflexivity | split; [| reflexivity]]. unfold in_cube, datum, list_of. simpl. split.
    - rewrite (centre_length k h). symmetry. apply (words_of_length _ (nth_In _ _ h)).
    - unfold centre. rewrite dist_inf_self. exact eta_nonneg.
  Qed.

  Theorem uniform_is_balanced : balanced d m eta tau words 1 y (uniform (data (length words) (le_n _))).
  Proof.
    intros ks distinct below. simpl. unfold share. rewrite data_length. unfold Rdiv. rewrite Rmult_1_l.
    assert (0 <= / INR (length words)) as pos.
    { destruct words; [simpl; rewrite Rinv_0; lra | apply Rlt_le, Rinv_0_lt_compat, lt_0_INR; simpl; lia]. }
    apply Rmult_le_compat_r; [exact pos |].
    assert (forall n h, INR (length (filter (fun k => Nat.ltb k n) ks)) <= count (data n h) (in_cubes d m eta tau words
      y ks)) as all.
    { induction n as [| n IH]; intro h.
      - assert (filter (fun k => Nat.ltb k 0) ks = []) as ->; [| unfold count; simpl; lra].
        clear. induction ks as [| k l I]; [reflexivity | exact I].
      - specialize (IH (Nat.lt_le_incl _ _ h)). unfold count in *. simpl.
        destruct (in_dec Nat.eq_dec n ks) as [i | o].
        + rewrite truth_true by (destruct (in_its_cube n h) as (k & [<- | []] & c); exists n; split;
          [exact i | exact c]).
          assert (length (filter (fun k => Nat.ltb k (S n)) ks) <= S (length (filter (fun k => Nat.ltb k n) ks)))%nat
            as one.
          { clear - distinct. induction distinct as [| k l out nd I]; [simpl; lia |]. simpl.
            destruct (Nat.ltb_spec k (S n)), (Nat.ltb_spec k n); simpl; try lia.
            assert (k = n) as -> by lia. assert (filter (fun k => Nat.ltb k (S n)) l = filter (fun k => Nat.ltb k n) l)
              as ->; [| lia].
            apply filter_ext_in. intros j ij. assert (j <> n) by (intros ->; contradiction).
            destruct (Nat.ltb_spec j (S n)), (Nat.ltb_spec j n); try reflexivity; lia. }
          apply le_INR in one. rewrite S_INR in one. lra.
        + assert (filter (fun k => Nat.ltb k (S n)) ks = filter (fun k => Nat.ltb k n) ks) as ->.
          { apply filter_ext_in. intros j ij. assert (j <> n) by (intros ->; contradiction).
            destruct (Nat.ltb_spec j (S n)), (Nat.ltb_spec j n); try reflexivity; lia. }
          pose proof (truth_range (in_cubes d m eta tau words y ks (datum n h))). lra. }
    specialize (all _ (le_n (length words))). assert (filter (fun k => Nat.ltb k (length words)) ks = ks) as e;
      [| rewrite e in all; exact all].
    clear - below. induction ks as [| k l I]; [reflexivity |]. simpl. rewrite (proj2 (Nat.ltb_lt _ _) (below k
      (or_introl eq_refl))).
    f_equal. apply I. intros j i. apply below. right. exact i.
  Qed.
End Centres.

Lemma quarter_entropy : entropy (1 / 4) < 1.
Proof.
  pose proof ln_lt_2 as half. assert (4 * ln 2 < 3 * ln 3) as l3.
  { replace (4 * ln 2) with (ln 16).
    - replace (3 * ln 3) with (ln 27); [apply ln_increasing; lra |].
      replace 27 with (3 * (3 * 3)) by ring. rewrite !ln_mult by lra. ring.
    - replace 16 with (2 * 2 * (2 * 2)) by ring. rewrite !ln_mult by lra. ring. }
  assert (ln (1 / 4) = - (2 * ln 2)) as q.
  { replace (1 / 4) with (/ (2 * 2)) by field. rewrite ln_Rinv, ln_mult by lra. ring. }
  assert (ln (1 - 1 / 4) = ln 3 - 2 * ln 2) as t.
  { replace (1 - 1 / 4) with (3 * / (2 * 2)) by field. rewrite ln_mult, ln_Rinv, ln_mult by lra. ring. }
  unfold entropy, log2. rewrite q, t. apply Rmult_lt_reg_r with (ln 2); [lra |].
  replace ((- (1 / 4) * (- (2 * ln 2) / ln 2) - (1 - 1 / 4) * ((ln 3 - 2 * ln 2) / ln 2)) * ln 2) with
    (2 * ln 2 - 3 / 4 * ln 3) by (field; lra). lra.
Qed.

Example theorem_3_5_on_two_cubes : exists y, length y = 2%nat /\
  forces 2 2 (1 / 100) (1 / 50) (1 / 4) [[0%nat]; [1%nat]] dist_inf 0 (1 / 4) y.
Proof.
  apply (theorem_3_5 2 2 (1 / 100) (1 / 50) (1 / 4) ltac:(lia) ltac:(lra) ltac:(simpl; lra)) with
    (words := [[0%nat]; [1%nat]]) (a := 0%nat) (G := 0) (patterns := [[false; false]]).
  - intros w [<- | [<- | []]]; split; try reflexivity; intros c [<- | []]; simpl; lia.
  - apply dist_inf_below_1.
  - lra.
  - simpl. lra.
  - simpl. lia.
  - intros net [some _] none. left. unfold pattern. simpl.
    assert (forall x, computes net x = 0) as zero.
    { intro x. unfold computes. revert x some none. induction net as [| l rest IH]; intros x some none;
      [contradiction |].
      assert (nz_layer l = 0 /\ nonzero rest = 0)%nat as [zl zr] by (unfold nonzero in *; simpl in none; lia).
      assert (forall w x, nz_row w = 0%nat -> dot w x = 0) as row.
      { clear. unfold nz_row. induction w as [| a w I]; intros [| b x]; simpl; intro h; try reflexivity.
        rewrite I by lia. unfold nz in h. destruct (Req_EM_T a 0) as [-> |]; [ring | lia]. }
      destruct rest as [| l' rest]; [| apply (IH (map relu (affine l x))); [discriminate | lia]].
      simpl. destruct l as [| [w b] l]; [reflexivity |]. unfold nz_layer in zl. simpl in *. rewrite row by lia.
      unfold nz in zl. destruct (Req_EM_T b 0) as [-> |]; [ring | lia]. }
    rewrite !zero. destruct Rlt_dec; [lra | reflexivity].
  - simpl. rewrite Rpower_O by lra. lra.
  - intros z [<- | []]. reflexivity.
  - pose proof quarter_entropy. simpl. lra.
Qed.
