(* Theorem 3.3 and Corollary 3.4, repaired, p = infinity, with the ledger's count: for memorized points of the cube
   there is a strict ReLU network equal to f_adv on the box off the shells, with nonzero(f_hat) <= (d + 2) n + 6 F + 2
   nonzero(f_clean) + 2 depth(f_hat) + 23,   F <= min(n d, d (1 + 2 / gamma)), F the levels that the points share: the
   coefficient of n d is 1. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus SoftIndicator Linf Memorizer Tents SquareNetwork Levels L2 AnyIndicators.
Import ListNotations.
Open Scope R_scope.

Lemma excess_vec t x c d : length x = d -> length c = d ->
  excess t x c = sum (vec d (fun j => relu (nth j x 0 - nth j c 0 - t) + relu (nth j c 0 - nth j x 0 - t))).
Proof.
  intros <-. unfold vec. revert c. induction x as [| a x IH]; intros [| b c] e; try discriminate; [reflexivity |].
  injection e as e. simpl. rewrite <- seq_shift, map_map. rewrite (IH c e). reflexivity.
Qed.
Lemma dist_inf_le x c tau d : length x = d -> length c = d -> 0 <= tau ->
  (forall j, (j < d)%nat -> Rabs (nth j x 0 - nth j c 0) <= tau) -> dist_inf x c <= tau.
Proof.
  intros <-. revert c. induction x as [| a x IH]; intros [| b c] e pos h; try discriminate; [exact pos |].
  injection e as e. simpl. apply Rmax_lub; [exact (h 0%nat (PeanoNat.Nat.lt_0_succ _)) |].
  apply IH; [exact e | exact pos |]. intros j k. apply (h (S j)). simpl. lia.
Qed.

Section Features.
  Variables (d : nat) (t ramp : R) (centres : list (list R)) (levels : list (nat * R)) (chosen : list R -> nat -> nat).
  Hypothesis fit : levels_fit d centres levels chosen.
  Notation F := (length levels).
  Notation n := (length centres).
  Definition level_sides : layer :=
    map (fun p => (unit_at d (fst p) 1, - snd p - t)) levels ++ map (fun p => (unit_at d (fst p) (-1),
      snd p - t)) levels.
  Definition level_features : layer := map (fun i => (unit_at F i 1 ++ unit_at F i 1, 0)) (seq 0 F).
  Definition centre_rows : layer := map (fun c => (row_at F (- / ramp) (places d chosen c), 1)) centres.
  Definition features_inf_shared : list layer := [level_sides; level_features; centre_rows].

  Notation side x j v := (relu (nth j x 0 - v - t) + relu (v - nth j x 0 - t)).
  Lemma level_sides_compute x : length x = d -> map relu (affine level_sides x) =
    vec F (fun i => relu (nth (fst (level levels i)) x 0 - snd (level levels i) - t)) ++
    vec F (fun i => relu (snd (level levels i) - nth (fst (level levels i)) x 0 - t)).
  Proof.
    intro len. destruct fit as [all _]. unfold level_sides. rewrite affine_app, map_app. unfold affine.
    rewrite !map_map.
    assert (forall i, In i (seq 0 F) -> (fst (level levels i) < d)%nat) as lt.
    { intros i h. apply in_seq in h. apply all, nth_In. lia. }
    rewrite !(map_levels levels). f_equal; apply map_ext_in; intros i h; specialize (lt i h); simpl fst; simpl snd;
      rewrite dot_unit_nth by assumption; f_equal; ring.
  Qed.
  Lemma level_features_compute x : length x = d -> map relu (affine level_features (map relu (affine level_sides x))) =
    vec F (fun i => side x (fst (level levels i)) (snd (level levels i))).
  Proof.
    intro len. rewrite level_sides_compute by exact len. unfold level_features, affine. rewrite !map_map.
    apply map_ext_in. intros i h. apply in_seq in h. simpl fst. simpl snd.
    rewrite dot_app by (rewrite vec_length; apply vec_length). rewrite !dot_unit by lia.
    match goal with |- relu (1 * ?a + 1 * ?b + 0) =
      _ => pose proof (relu_nonneg (nth (fst (level levels i)) x 0 - snd (level levels i) - t));
      pose proof (relu_nonneg (snd (level levels i) - nth (fst (level levels i)) x 0 - t)) end.
    rewrite relu_pos by lra. ring.
  Qed.
  Lemma features_inf_shared_compute x : length x = d ->
    map relu (eval features_inf_shared x) =
    map (fun c => indicator_inf t ramp (rounded d levels chosen c) x) centres.
  Proof.
    intro len. unfold features_inf_shared. rewrite !eval_cons by discriminate.
    change (eval [centre_rows] ?h) with (affine centre_rows h). rewrite level_features_compute by exact len.
    unfold centre_rows, affine. rewrite !map_map. apply map_ext_in. intros c ic. simpl fst. simpl snd.
    rewrite dot_row_at by (apply (places_fit d centres levels chosen c fit ic)).
    pose proof (sum_over_places d centres levels chosen (fun j v => side x j v) c fit ic) as s. cbv beta in s.
    rewrite s.
    unfold indicator_inf. rewrite (excess_vec t x _ d len (rounded_length d levels chosen c)). f_equal. unfold Rdiv.
    ring.
  Qed.
  Lemma features_inf_shared_width : length (last features_inf_shared []) = n.
  Proof. apply map_length. Qed.
  Lemma features_inf_shared_fit : fits d features_inf_shared.
  Proof.
    simpl. repeat split.
    - apply Forall_app. split; apply Forall_map, Forall_forall; intros p _; simpl; rewrite unit_length; lia.
    - apply Forall_map, Forall_forall. intros i _. simpl. unfold level_sides.
      rewrite !app_length, !map_length, !unit_length. lia.
    - apply Forall_map, Forall_forall. intros c _. simpl. rewrite row_at_length. unfold level_features.
      rewrite map_length, seq_length. lia.
  Qed.
  Lemma features_inf_shared_nonzero : (nonzero features_inf_shared <= 6 * F + n * (d + 1))%nat.
  Proof.
    unfold features_inf_shared. rewrite !nonzero_cons. change (nonzero []) with 0%nat.
    assert (nz_layer level_sides <= 2 * (F + F))%nat as a.
    { assert (length level_sides = (F + F)%nat) as e by (unfold level_sides; rewrite app_length, !map_length;
      reflexivity).
      rewrite <- e. apply nz_layer_le. intros r i. apply in_app_or in i.
      destruct i as [i | i]; apply in_map_iff in i; destruct i as (p & <- & _); simpl fst; simpl snd.
      - pose proof (nz_row_unit d (fst p) 1). pose proof (nz_le (- snd p - t)). lia.
      - pose proof (nz_row_unit d (fst p) (-1)). pose proof (nz_le (snd p - t)). lia. }
    assert (nz_layer level_features <= 2 * F)%nat as b.
    { assert (length level_features = F) as e by (unfold level_features; rewrite map_length; apply seq_length).
      rewrite <- e. apply nz_layer_le. intros r i. apply in_map_iff in i. destruct i as (k & <- & _). simpl fst.
      simpl snd.
      rewrite nz_row_app, nz_0. pose proof (nz_row_unit F k 1). lia. }
    assert (nz_layer centre_rows <= (d + 1) * n)%nat as c; [| nia].
    assert (length centre_rows = n) as e by apply map_length. rewrite <- e. apply nz_layer_le. intros r i.
    apply in_map_iff in i. destruct i as (k & <- & _). simpl fst. simpl snd.
    pose proof (nz_row_at F (- / ramp) (places d chosen k)) as h. rewrite places_length in h. pose proof (nz_le 1). lia.
  Qed.
End Features.

Section LinfShared.
  Variables (d : nat) (delta gamma M : R).
  Hypotheses (delta_nonneg : 0 <= delta) (gamma_pos : 0 < gamma).
  Variable small : list (list R * R).
  Hypothesis small_labelled : labelled d small.
  Hypothesis cube : forall cy, In cy small -> forall j, (j < d)%nat -> 0 <= nth j (fst cy) 0 <= 1.
  Variables (clean : list layer) (f_clean : list R -> R).
  Hypothesis clean_classifies : classifier d clean f_clean.
  Variable box : list R -> Prop.
  Hypothesis bound : forall x, length x = d -> box x -> Rabs (f_clean x) <= M.
  Notation n := (length small).

  Lemma memorizer_linf_shared : exists net F,
    (nonzero net <= (d + 2) * n + 6 * F + 2 * nonzero clean + 2 * length net + 23)%nat /\
    (F <= n * d)%nat /\ INR F <= INR d * (1 + 2 / gamma) /\ fits d net /\
    represents_f_adv dist_inf d delta gamma box f_clean small net /\
    memorizes_robustly dist_inf d delta gamma box f_clean small net.
  Proof.
    set (centres := map fst small). assert (length centres = n) as nn by apply map_length.
    destruct (few_levels d centres (gamma / 4) ltac:(lra)) as (levels & chosen & fit & near & own & grid).
    { intros c i. apply in_map_iff in i. destruct i as (cy & <- & j). apply cube, j. }
    set (round := rounded d levels chosen).
    assert (forall cy, In cy small -> dist_inf (fst cy) (round (fst cy)) <= gamma / 4) as close.
    { intros cy i. rewrite dist_inf_sym. apply dist_inf_le with (d := d);
      [apply rounded_length | apply small_labelled, i | lra |].
      apply near, in_map, i. }
    assert (forall cy, In cy small -> length (fst cy) = d) as dims by (intros cy i; apply small_labelled, i).
    assert (forall c, length (round c) = d) as dimr by (intro c; apply rounded_length).
    destruct (memorizer_of_indicators dist_inf dist_inf_sym dist_inf_triangle d delta gamma M gamma_pos small
      small_labelled
      clean f_clean clean_classifies box bound (fun c x => indicator_inf (delta + gamma / 4) (gamma / 2) (round c) x)
      (features_inf_shared d (delta + gamma / 4) (gamma / 2) centres levels chosen)) as (net & size & _ & f & rep &
        rob).
    - discriminate.
    - apply features_inf_shared_fit.
    - rewrite features_inf_shared_width. exact nn.
    - intros x len _. rewrite features_inf_shared_compute by assumption. apply map_map.
    - intros cy x i len _ h. apply indicator_inf_inside; [lra |].
      pose proof (dist_inf_triangle x (fst cy) (round (fst cy)) ltac:(rewrite dims; auto) ltac:(rewrite dims, dimr;
        auto)).
      specialize (close cy i). lra.
    - intros cy x i len _ h. apply indicator_inf_outside; [lra | lra |].
      pose proof (dist_inf_triangle x (round (fst cy)) (fst cy) ltac:(rewrite dimr; auto) ltac:(rewrite dims, dimr;
        auto)).
      specialize (close cy i). rewrite dist_inf_sym in close. lra.
    - intros. apply indicator_inf_range. lra.
    - exists net, (length levels). rewrite nn in own. split; [| split; [exact own | split; [| auto]]].
      + pose proof (features_inf_shared_nonzero d (delta + gamma / 4) (gamma / 2) centres levels chosen) as e.
        rewrite nn in e. nia.
      + replace (2 / gamma) with (/ (2 * (gamma / 4))) by (field; lra). exact grid.
  Qed.

  Theorem theorem_3_3_linf_shared : exists net F,
    (nonzero net <= (d + 2) * n + 6 * F + 2 * nonzero clean + 2 * length net + 23)%nat /\
    (F <= n * d)%nat /\ INR F <= INR d * (1 + 2 / gamma) /\ fits d net /\
    represents_f_adv dist_inf d delta gamma box f_clean small net.
  Proof. destruct memorizer_linf_shared as (net & F & size & own & grid & fit & rep & _). exists net, F. auto. Qed.

  Theorem corollary_3_4_linf_shared : exists net F,
    (nonzero net <= (d + 2) * n + 6 * F + 2 * nonzero clean + 2 * length net + 23)%nat /\
    (F <= n * d)%nat /\ INR F <= INR d * (1 + 2 / gamma) /\ fits d net /\
    memorizes_robustly dist_inf d delta gamma box f_clean small net.
  Proof. destruct memorizer_linf_shared as (net & F & size & own & grid & fit & _ & rob). exists net, F. auto. Qed.
End LinfShared.
