(* Theorem 5.2, repaired, the second conditions, under which wrong neurons may be on: with a <= ||xi_i|| <= top for i
   small, c >= |<xi_j, xi_i>| for j small and i <> j, lambda the largest eigenvalue of the Gram matrix of the small-
   margin noise, and Lambda_k = k min(lambda, top^2 + (k - 1) c), the target f* is right on the l_2 ball of radius
   delta around every point if alpha + k (b - c) > delta sqrt(1 + Lambda_k)                  for 0 <= k <= |S_small|,
   and beta + a^2 - b + k (b - c) > delta sqrt(1 + Lambda_{k+1})     for 0 <= k < |S_small|. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Vectors Tents Levels Euclid Hoelder Theorem52.
Import ListNotations.
Open Scope R_scope.

Section Overlap.
  Variables (d n : nat) (w : list R) (alpha beta delta b a top c lambda : R).
  Variables (y : nat -> R) (xi : nat -> list R) (small : nat -> bool).
  Hypotheses (w_length : length w = d) (w_unit : dot w w = 1).
  Hypothesis labels : forall i, (i < n)%nat -> y i = 1 \/ y i = -1.
  Hypothesis noise : forall i, (i < n)%nat -> length (xi i) = d /\ dot w (xi i) = 0.
  Notation smalls := (smalls n small).
  Notation point := (point w alpha beta y xi small).
  Notation target := (target n w b y xi small).

  (* sum over j in S of s_j xi_j *)
  Fixpoint combined (S : list nat) (s : nat -> R) : list R :=
    match S with [] => repeat 0 d | j :: S' => add (scale (s j) (xi j)) (combined S' s) end.
  Hypothesis lengths : 0 <= a /\ forall i, In i smalls -> a <= norm_2 (xi i) <= top.
  Hypothesis products : forall i j, (i < n)%nat -> In j smalls -> i <> j -> Rabs (dot (xi j) (xi i)) <= c.
  (* lambda bounds the quadratic form of the Gram matrix: what its largest eigenvalue does *)
  Hypothesis eigenvalue : forall S s, NoDup S -> incl S smalls ->
    dot (combined S s) (combined S s) <= lambda * sum (map (fun j => s j * s j) S).
  Definition joint_square (k : nat) : R := INR k * Rmin lambda (top * top + (INR k - 1) * c).
  Hypothesis large_gain : forall k, (k <= length smalls)%nat ->
    delta * sqrt (1 + joint_square k) < alpha + INR k * (b - c).
  Hypothesis small_gain : forall k, (k < length smalls)%nat ->
    delta * sqrt (1 + joint_square (k + 1)) < beta + a * a - b + INR k * (b - c).

  Lemma below i : In i smalls -> (i < n)%nat.
  Proof. intro h. apply in_smalls in h. apply h. Qed.
  Lemma combined_length S s : incl S smalls -> length (combined S s) = d.
  Proof.
    induction S as [| j l IH]; intro h; [apply repeat_length |]. simpl. apply add_length.
    - apply scale_length, noise, below, h. left. reflexivity.
    - apply IH. intros k m. apply h. right. exact m.
  Qed.
  Lemma dot_combined S s v : incl S smalls -> dot (combined S s) v = sum (map (fun j => s j * dot (xi j) v) S).
  Proof.
    induction S as [| j l IH]; intro h.
    - simpl. rewrite <- (app_nil_r (repeat 0 d)), dot_zeros. reflexivity.
    - assert (incl l smalls) as h' by (intros k m; apply h; right; exact m). simpl. rewrite dot_add.
      + rewrite dot_scale, (IH h'). reflexivity.
      + rewrite combined_length by exact h'. apply scale_length, noise, below, h. left. reflexivity.
  Qed.
  Lemma sum_bounded (f : nat -> R) l e : (forall j, In j l -> Rabs (f j) <= e) ->
    Rabs (sum (map f l)) <= INR (length l) * e.
  Proof.
    induction l as [| j l IH]; intro h.
    - simpl. rewrite Rabs_R0. lra.
    - cbn [map length]. rewrite S_INR. unfold sum in *. cbn [fold_right]. eapply Rle_trans; [apply Rabs_triang |].
      pose proof (h j (or_introl eq_refl)). specialize (IH (fun k m => h k (or_intror m))). lra.
  Qed.
  Lemma signs s l : (forall j : nat, s j = 1 \/ s j = -1) -> sum (map (fun j => s j * s j) l) = INR (length l).
  Proof.
    intro h. induction l as [| j l IH]; [reflexivity |]. cbn [map length]. rewrite S_INR. unfold sum in *.
    cbn [fold_right].
    rewrite IH. destruct (h j) as [-> | ->]; ring.
  Qed.
  Lemma combined_square S s : (forall j, s j = 1 \/ s j = -1) -> NoDup S -> incl S smalls ->
    dot (combined S s) (combined S s) <= joint_square (length S).
  Proof.
    intros sign nd sub. pose proof (eigenvalue S s nd sub) as e. rewrite signs in e by exact sign.
    assert (dot (combined S s) (combined S s) <= INR (length S) * (top * top + (INR (length S) - 1) * c)) as g.
    { clear e. induction S as [| j l IH]; [simpl; rewrite <- (app_nil_r (repeat 0 d)) at 1; rewrite dot_zeros; simpl;
      lra |].
      inversion_clear nd as [| ? ? no nd']. assert (incl l smalls) as sub' by (intros k m; apply sub; right; exact m).
      assert (In j smalls) as js by (apply sub; left; reflexivity). specialize (IH nd' sub').
      destruct lengths as [_ len]. specialize (len j js). pose proof (norm_2_nonneg (xi j)).
      assert (dot (xi j) (combined l s) = sum (map (fun k => s k * dot (xi k) (xi j)) l)) as cross
        by (rewrite dot_comm; apply dot_combined, sub').
      assert (Rabs (dot (xi j) (combined l s)) <= INR (length l) * c) as small_cross.
      { rewrite cross. apply sum_bounded. intros k m. rewrite Rabs_mult.
        assert (Rabs (s k) = 1) as -> by (destruct (sign k) as [-> | ->]; unfold Rabs; destruct Rcase_abs; lra).
        rewrite Rmult_1_l. apply products; [apply below, js | apply sub', m | intros ->; contradiction]. }
      assert (dot (combined (j :: l) s) (combined (j :: l) s) =
        s j * s j * (norm_2 (xi j) * norm_2 (xi j)) + 2 * s j * dot (xi j) (combined l s) +
          dot (combined l s) (combined l s)) as ->.
      { rewrite norm_2_square. assert (length (scale (s j) (xi j)) = length (combined l s)) as same.
        { rewrite combined_length by exact sub'. apply scale_length, noise, below, js. }
        simpl. rewrite dot_add, dot_scale by exact same. rewrite (dot_comm (xi j)), (dot_comm (combined l s) (add _ _)).
        rewrite !dot_add, !dot_scale by exact same. rewrite (dot_comm (combined l s) (xi j)). ring. }
      cbn [length]. rewrite S_INR. assert (norm_2 (xi j) * norm_2 (xi j) <= top * top) by nra.
      assert (2 * s j * dot (xi j) (combined l s) <= 2 * (INR (length l) * c)).
      { destruct (sign j) as [-> | ->]; unfold Rabs in small_cross; destruct Rcase_abs in small_cross; lra. }
      assert (s j * s j = 1) as -> by (destruct (sign j) as [-> | ->]; ring). lra. }
    unfold joint_square, Rmin. destruct Rle_dec; lra.
  Qed.

  Section OnePoint.
    Variables (i : nat) (z : list R).
    Hypotheses (i_in : (i < n)%nat) (z_length : length z = d) (near : dist_2 z (point i) <= delta).
    (* of a wrong label, and on *)
    Definition wrong_on (j : nat) : bool :=
      if Req_EM_T (y j) (y i) then false else if Rlt_dec 0 (dot (xi j) z - b) then true else false.
    Notation wrong := (filter wrong_on smalls).
    Notation k := (length wrong).
    Notation others := (map (fun j => b - dot (xi j) z)).
    Notation terms := (map (fun q => sign q * relu (dot (weight q) z - b)) (map (fun j => {| weight := xi j;
      sign := y j |}) smalls)).

    Lemma own_not_wrong : wrong_on i = false.
    Proof. unfold wrong_on. destruct Req_EM_T; [reflexivity | contradiction]. Qed.
    Lemma terms_bound : sum (others wrong) + (if small i then dot (xi i) z - b else 0) <= y i * sum terms.
    Proof.
      assert (forall l, NoDup l -> (forall j, In j l -> (j < n)%nat) -> sum (others (filter wrong_on l)) +
        (if in_dec PeanoNat.Nat.eq_dec i l then dot (xi i) z - b else 0) <=
        y i * sum (map (fun q => sign q * relu (dot (weight q) z - b)) (map (fun j => {| weight := xi j;
          sign := y j |}) l)))
        as all.
      { induction l as [| j l IH]; intros nd low; [simpl; lra |]. inversion_clear nd as [| ? ? no nd'].
        specialize (IH nd' (fun q m => low q (or_intror m))). pose proof (low j (or_introl eq_refl)) as jn.
        simpl map. change (sum (?v :: ?r)) with (v + sum r). simpl sign. simpl weight. rewrite Rmult_plus_distr_l.
        pose proof (relu_ge (dot (xi j) z - b)). pose proof (relu_nonneg (dot (xi j) z - b)).
        assert ((if wrong_on j then b - dot (xi j) z else if PeanoNat.Nat.eq_dec i j then dot (xi i) z - b else 0) <=
          y i * (y j * relu (dot (xi j) z - b))) as head.
        { assert (y i * y i = 1) as yy by (destruct (labels i i_in) as [-> | ->]; ring). unfold wrong_on.
          destruct (Req_EM_T (y j) (y i)) as [e | ne].
          - rewrite e, <- Rmult_assoc, yy. destruct (PeanoNat.Nat.eq_dec i j) as [-> | _]; lra.
          - assert (y i * y j = -1) as minus by (destruct (labels i i_in) as [u | u], (labels j jn) as [v | v];
              rewrite u, v in *; lra).
            rewrite <- Rmult_assoc, minus. destruct (Rlt_dec 0 (dot (xi j) z - b)) as [on | off_].
            + rewrite relu_pos by lra. lra.
            + rewrite relu_neg by lra. destruct (PeanoNat.Nat.eq_dec i j) as [-> | _]; [contradiction | lra]. }
        pose proof own_not_wrong as own. destruct (PeanoNat.Nat.eq_dec i j) as [e | e].
        - subst j. simpl filter. rewrite own in *.
          destruct (in_dec PeanoNat.Nat.eq_dec i (i :: l)) as [_ | m]; [| exfalso; apply m; left; reflexivity].
          destruct (in_dec PeanoNat.Nat.eq_dec i l) as [m | _]; [contradiction | lra].
        - assert (sum (others (if wrong_on j then j :: filter wrong_on l else filter wrong_on l)) =
            (if wrong_on j then b - dot (xi j) z else 0) + sum (others (filter wrong_on l))) as ->
            by (destruct (wrong_on j); [reflexivity | ring]).
          destruct (in_dec PeanoNat.Nat.eq_dec i (j :: l)) as [m | m], (in_dec PeanoNat.Nat.eq_dec i l) as [m' | m'].
          + lra.
          + exfalso. destruct m as [q | q]; [apply e; symmetry; exact q | contradiction].
          + exfalso. apply m. right. exact m'.
          + lra. }
      assert (NoDup smalls) as nd by (apply NoDup_filter, seq_NoDup). specialize (all smalls nd below).
      destruct (in_dec PeanoNat.Nat.eq_dec i smalls) as [m | m], (small i) eqn:e; try exact all; exfalso.
      - apply in_smalls in m. destruct m as [_ m]. congruence.
      - apply m, in_smalls. auto.
    Qed.

    Definition chosen : list nat := if small i then i :: wrong else wrong.
    Definition sign_of (j : nat) : R := if PeanoNat.Nat.eq_dec i j then 1 else -1.
    Lemma wrong_incl : incl wrong smalls.
    Proof. intros j m. apply filter_In in m. apply m. Qed.
    Lemma i_not_wrong : ~ In i wrong.
    Proof. intro m. apply filter_In in m. destruct m as [_ m]. rewrite own_not_wrong in m. discriminate. Qed.
    Lemma chosen_fits : NoDup chosen /\ incl chosen smalls.
    Proof.
      assert (NoDup wrong) as nd by (apply NoDup_filter, NoDup_filter, seq_NoDup). unfold chosen.
      destruct (small i) eqn:e.
      - split; [constructor; [exact i_not_wrong | exact nd] |].
        intros j [<- | m]; [apply in_smalls; auto | apply wrong_incl, m].
      - split; [exact nd | exact wrong_incl].
    Qed.
    Lemma sum_wrong (f : nat -> R) : sum (map (fun j => sign_of j * f j) chosen) =
      (if small i then f i else 0) - sum (map f wrong).
    Proof.
      assert (forall l, ~ In i l -> sum (map (fun j => sign_of j * f j) l) = - sum (map f l)) as minus.
      { induction l as [| j l IH]; intro no; [simpl; ring |]. simpl map. change (sum (?v :: ?r)) with (v + sum r).
        rewrite IH by (intro m; apply no; right; exact m). unfold sign_of at 1.
        destruct PeanoNat.Nat.eq_dec as [e | _]; [exfalso; apply no; left; auto | ring]. }
      unfold chosen. destruct (small i).
      - simpl map. change (sum (?v :: ?r)) with (v + sum r). rewrite (minus wrong i_not_wrong). unfold sign_of.
        destruct PeanoNat.Nat.eq_dec; [ring | contradiction].
      - rewrite (minus wrong i_not_wrong). ring.
    Qed.

    Theorem one_point : 0 < y i * target z.
    Proof.
      destruct chosen_fits as [nd sub]. set (v := combined chosen sign_of). set (u := add (scale (y i) w) v).
      assert (length (scale (y i) w) = length v) as same by (unfold v; rewrite combined_length, (scale_length d); auto).
      destruct (noise i i_in) as [xl orth]. assert (y i * y i = 1) as yy by (destruct (labels i i_in) as [-> | ->];
        ring).
      assert (dot v w = 0) as vw.
      { unfold v. rewrite dot_combined by exact sub. rewrite (map_ext_in _ (fun _ => 0)).
        - generalize chosen. intro l. induction l as [| j l IH]; [reflexivity |]. unfold sum in *. simpl. rewrite IH.
          ring.
        - intros j m. rewrite dot_comm. destruct (noise j (below j (sub j m))) as [_ ->]. ring. }
      assert (norm_2 u <= sqrt (1 + joint_square (length chosen))) as long.
      { unfold norm_2. apply sqrt_le_1_alt. unfold u at 1. rewrite dot_add, dot_scale by exact same.
        rewrite (dot_comm w u), (dot_comm v u). unfold u. rewrite !dot_add, !dot_scale by exact same.
        rewrite w_unit, vw, (dot_comm w v), vw. pose proof (combined_square chosen sign_of) as s. fold v in s.
        assert (forall j, sign_of j = 1 \/ sign_of j = -1) as pm by (intro j; unfold sign_of;
          destruct PeanoNat.Nat.eq_dec; auto).
        specialize (s pm nd sub). replace (y i * (y i * 1 + 0)) with (y i * y i) by ring. rewrite yy. lra. }
      assert (dot u z = y i * dot w z + (if small i then dot (xi i) z else 0) - sum (map (fun j => dot (xi j) z)
        wrong)) as at_z.
      { unfold u. rewrite dot_add, dot_scale by exact same. unfold v. rewrite dot_combined by exact sub.
        rewrite (sum_wrong (fun j => dot (xi j) z)). ring. }
      assert (dot u (point i) = (if small i then beta + norm_2 (xi i) * norm_2 (xi i) else alpha) -
        sum (map (fun j => dot (xi j) (xi i)) wrong)) as at_point.
      { rewrite (dot_point d n w alpha beta y xi small w_length noise u i i_in). unfold u.
        rewrite !dot_add, !dot_scale by exact same. rewrite w_unit, vw, orth. unfold v.
        rewrite dot_combined by exact sub.
        rewrite (sum_wrong (fun j => dot (xi j) (xi i))). rewrite norm_2_square.
        replace ((if small i then beta else alpha) * y i * (y i * 1 + 0)) with
          ((if small i then beta else alpha) * (y i * y i)) by ring.
        rewrite yy. destruct (small i); ring. }
      assert (Rabs (sum (map (fun j => dot (xi j) (xi i)) wrong)) <= INR k * c) as cross.
      { apply sum_bounded. intros j m. apply products; [exact i_in | apply wrong_incl, m |].
        intro e. apply i_not_wrong. rewrite e. exact m. }
      assert (sum (map (fun j => dot (xi j) (xi i)) wrong) <= INR k * c) as cross'
        by (unfold Rabs in cross; destruct Rcase_abs in cross; lra).
      assert (sum (others wrong) = INR k * b - sum (map (fun j => dot (xi j) z) wrong)) as paid.
      { generalize wrong. intro l. induction l as [| j l IH]; [simpl; ring |]. cbn [map length]. rewrite S_INR.
        unfold sum in *.
        cbn [fold_right]. rewrite IH. ring. }
      assert (length z = length (point i)) as lz.
      { rewrite z_length. symmetry. apply (point_length d n w alpha beta y xi small w_length noise i i_in). }
      pose proof (moves delta u (point i) z lz near) as [low _]. pose proof (dist_2_nonneg z (point i)).
      assert (delta * norm_2 u <= delta * sqrt (1 + joint_square (length chosen))) by (apply Rmult_le_compat_l; lra).
      pose proof terms_bound as bound. unfold target, mixed. rewrite Rmult_plus_distr_l.
      change (fun i0 : nat => {| weight := xi i0; sign := y i0 |}) with (fun j : nat => {| weight := xi j;
        sign := y j |}).
      unfold chosen in *. destruct (small i) eqn:e.
      - assert (In i smalls) as m by (apply in_smalls; auto).
        assert (k < length smalls)%nat as lt by exact (NoDup_incl_length nd sub).
        pose proof (small_gain k lt) as gain. simpl length in *. replace (k + 1)%nat with (S k) in gain by lia.
        destruct lengths as [ap len]. specialize (len i m). assert (a * a <= norm_2 (xi i) * norm_2 (xi i)) by nra. lra.
      - pose proof (large_gain k (NoDup_incl_length nd sub)) as gain. lra.
    Qed.
  End OnePoint.

  Theorem theorem_5_2_overlap i z : (i < n)%nat -> length z = d -> dist_2 z (point i) <= delta -> 0 < y i * target z.
  Proof. intros. apply one_point; assumption. Qed.
End Overlap.
