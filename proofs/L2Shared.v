(* Theorem 3.3 and Corollary 3.4, repaired, p = 2, with the ledger's count: one square network of each coordinate of
   the box [low, high], shared by all memorized points of it. With m tents, 2 sum_k (high_k - low_k)^2 <= gamma (2
   delta + gamma) 4^m, which for the box [- delta, 1 + delta]^d is the ledger's m, there is a strict ReLU network equal
   to f_adv on the box off the shells, with nonzero(f_hat) <= (d + 5) n + 8 d m + 2 d + m + 2 nonzero(f_clean) + 2
   depth(f_hat) + 23: the coefficient of n d is 1. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus SoftIndicator Memorizer Square Tents SquareNetwork Euclid Layers Levels L1Shared L2
  AnyIndicators.
Import ListNotations.
Open Scope R_scope.

Section Features.
  Variables (d more : nat) (low width : nat -> R) (threshold : R).
  Hypothesis width_pos : forall k, (k < d)%nat -> 0 < width k.
  Variable centres : list (list R).
  Notation m := (S more).
  Notation n := (length centres).
  Definition above (x : list R) (k : nat) : R := nth k x 0 - low k.
  Definition scaled : layer := map (fun k => (unit_at d k (/ width k), - (low k / width k))) (seq 0 d).
  Definition kept : layer := map (fun k => (unit_at d k 1, - low k)) (seq 0 d).
  Notation lambda := (vec d (fun k => 2 * low k)).
  Notation constant := (sum (vec d (fun k => low k * low k))).
  (* from x to a little more than ||x||^2, and x - low *)
  Definition shared_squares : list layer := square_net d d (fun k => width k * width k) lambda constant scaled kept
    more.
  Definition centre_rows : layer := map (fun c => (1 :: vec d (fun k => -2 * nth k c 0),
    sum (vec d (fun k => nth k c 0 * nth k c 0)) - 2 * sum (vec d (fun k => nth k c 0 * low k)) - threshold)) centres.
  Definition excess_2_shared : list layer := shared_squares ++ [centre_rows].
  Definition S_of (x : list R) : R := squares d (fun k => width k * width k) (fun k => Rabs (above x k) / width k) m +
    sum (vec d (fun k => 2 * low k * above x k)) + constant.
  Definition square_of (c x : list R) : R := S_of x - 2 * sum (vec d (fun k => nth k c 0 * nth k x 0)) +
    sum (vec d (fun k => nth k c 0 * nth k c 0)).

  Section Value.
    Variable x : list R.
    Hypotheses (len : length x = d) (inside : forall k, (k < d)%nat -> 0 <= above x k <= width k).
    Lemma inside_abs k : (k < d)%nat -> 0 < width k /\ Rabs (above x k) <= width k.
    Proof. intro h. split; [apply width_pos, h |]. rewrite Rabs_pos_eq; apply inside, h. Qed.
    Lemma kept_compute : affine kept x = vec d (above x).
    Proof.
      unfold kept, affine. rewrite map_map. apply map_ext_in. intros k i. apply in_seq in i. simpl fst. simpl snd.
      rewrite dot_unit_nth by (auto; lia). unfold above. ring.
    Qed.
    Lemma scaled_compute : affine scaled x = vec d (fun k => Rabs (above x k) / width k).
    Proof.
      unfold scaled, affine. rewrite map_map. apply map_ext_in. intros k i. apply in_seq in i. simpl fst. simpl snd.
      rewrite dot_unit_nth by (auto; lia). rewrite Rabs_pos_eq by (apply inside; lia). unfold above, Rdiv. ring.
    Qed.
    Lemma shared_squares_compute : eval shared_squares x = S_of x :: vec d (above x).
    Proof.
      unfold shared_squares. rewrite square_net_computes with (t := fun k => Rabs (above x k) / width k).
      - rewrite kept_compute, dot_vec. reflexivity.
      - intros. apply Rle_0_sqr.
      - rewrite vec_length. auto.
      - unfold kept. rewrite map_length. apply seq_length.
      - intros k h. destruct (inside_abs k h) as [pos le]. pose proof (Rabs_pos (above x k)).
        split; [apply Rmult_le_pos; [assumption | left; apply Rinv_0_lt_compat, pos] |].
        apply Rmult_le_reg_r with (width k); [assumption |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra.
      - exact scaled_compute.
      - rewrite kept_compute. intros v i. apply in_map_iff in i. destruct i as (k & <- & j). apply in_seq in j.
        apply inside. lia.
    Qed.
    Notation error := (sum (vec d (fun k => width k * width k)) / 4 ^ S m).
    Lemma S_near : sum (vec d (fun k => nth k x 0 * nth k x 0)) <= S_of x <=
      sum (vec d (fun k => nth k x 0 * nth k x 0)) + error.
    Proof.
      pose proof (squares_near d width (above x) m inside_abs) as [a b]. unfold S_of.
      assert (sum (vec d (fun k => nth k x 0 * nth k x 0)) = sum (vec d (fun k => above x k * above x k)) +
        sum (vec d (fun k => 2 * low k * above x k)) + constant) as ->; [| lra].
      rewrite <- !sum_vec_plus. f_equal. apply vec_ext. intros k _. unfold above. ring.
    Qed.
    Lemma S_nonneg : 0 <= S_of x.
    Proof.
      eapply Rle_trans; [| apply S_near]. rewrite <- (sum_vec_zero d). apply sum_vec_le. intros. apply Rle_0_sqr.
    Qed.
    Lemma square_of_near c : length c = d -> square_dist x c <= square_of c x <= square_dist x c + error.
    Proof.
      intro lc. pose proof S_near. unfold square_of. rewrite (square_dist_vec x c d len lc).
      assert (sum (vec d (fun k => (nth k x 0 - nth k c 0) * (nth k x 0 - nth k c 0))) =
        sum (vec d (fun k => nth k x 0 * nth k x 0)) + -2 * sum (vec d (fun k => nth k c 0 * nth k x 0)) +
        sum (vec d (fun k => nth k c 0 * nth k c 0))) as ->; [| lra].
      rewrite <- sum_vec_scale, <- !sum_vec_plus. f_equal. apply vec_ext. intros k _. ring.
    Qed.
    Lemma excess_2_shared_compute : eval excess_2_shared x = map (fun c => square_of c x - threshold) centres.
    Proof.
      unfold excess_2_shared. rewrite eval_sequence by discriminate. rewrite shared_squares_compute.
      change (eval [centre_rows] ?h) with (affine centre_rows h). unfold centre_rows, affine. rewrite map_map.
      apply map_ext. intro c. cbn [fst snd map dot]. rewrite relu_pos by exact S_nonneg.
      assert (map relu (vec d (above x)) = vec d (above x)) as ->.
      { rewrite <- map_id. apply map_ext_in. intros v i. apply in_map_iff in i. destruct i as (k & <- & j).
        apply in_seq in j.
        apply relu_pos, inside. lia. }
      rewrite dot_vec. unfold square_of.
      assert (sum (vec d (fun k => -2 * nth k c 0 * above x k)) = -2 * sum (vec d (fun k => nth k c 0 * nth k x 0)) +
        2 * sum (vec d (fun k => nth k c 0 * low k))) as ->; [| ring].
      rewrite <- !sum_vec_scale, <- sum_vec_plus. f_equal. apply vec_ext. intros k _. unfold above. ring.
    Qed.
  End Value.

  Lemma row_length (f : nat -> neuron) : length (map f (seq 0 d)) = d.
  Proof. rewrite map_length. apply seq_length. Qed.
  Lemma shared_squares_width : length (last shared_squares []) = S d.
  Proof. apply square_net_width. Qed.
  Lemma excess_2_shared_width : length (last excess_2_shared []) = n.
  Proof. unfold excess_2_shared. rewrite last_last. apply map_length. Qed.
  Lemma excess_2_shared_fits : fits d excess_2_shared.
  Proof.
    unfold excess_2_shared. apply fits_sequence with (w := S d); [| discriminate | apply shared_squares_width |].
    - apply square_net_fits; try apply row_length; [rewrite vec_length; auto | |];
        apply Forall_map, Forall_forall; intros k _; simpl; rewrite unit_length; lia.
    - simpl. split; [| exact I]. apply Forall_map, Forall_forall. intros c _. simpl. rewrite vec_length. lia.
  Qed.
  Lemma excess_2_shared_nonzero : (nonzero excess_2_shared <= 8 * d * m + 2 * d + m + n * (d + 2))%nat.
  Proof.
    unfold excess_2_shared. rewrite nonzero_app, nonzero_cons. change (nonzero []) with 0%nat.
    assert (forall r, In r scaled -> (nz_row (fst r) <= 1)%nat) as rows.
    { intros r i. apply in_map_iff in i. destruct i as (k & <- & _). apply nz_row_unit. }
    assert (nz_layer scaled <= 2 * d)%nat as s.
    { rewrite <- (row_length (fun k => (unit_at d k (/ width k), - (low k / width k)))). apply nz_layer_le. intros r i.
      specialize (rows r i). pose proof (nz_le (snd r)). lia. }
    assert (nz_layer kept <= 2 * d)%nat as k.
    { rewrite <- (row_length (fun k => (unit_at d k 1, - low k))). apply nz_layer_le. intros r i. apply in_map_iff in i.
      destruct i as (j & <- & _). simpl fst. pose proof (nz_row_unit d j 1). pose proof (nz_le (- low j)). simpl snd.
      lia. }
    assert (nz_layer centre_rows <= (d + 2) * n)%nat as c.
    { assert (length centre_rows = n) as e by apply map_length. rewrite <- e. apply nz_layer_le. intros r i.
      apply in_map_iff in i. destruct i as (q & <- & _). simpl fst. simpl snd. rewrite nz_row_cons.
      pose proof (nz_row_vec d (fun k => -2 * nth k q 0)). pose proof (nz_le 1).
      match goal with |- (_ + nz ?b <= _)%nat => pose proof (nz_le b) end. lia. }
    pose proof (square_net_nonzero d d (fun k => width k * width k) lambda constant ltac:(rewrite vec_length; auto)
      scaled kept (row_length _) (row_length _) more 1 rows) as q.
    pose proof (nz_row_vec d (fun k => 2 * low k)). fold shared_squares in q. nia.
  Qed.
End Features.

Section L2Shared.
  Variables (d : nat) (delta gamma M : R).
  Hypotheses (delta_nonneg : 0 <= delta) (gamma_pos : 0 < gamma).
  Variables low high : nat -> R.
  Hypothesis sides : forall k, (k < d)%nat -> low k < high k.
  Notation width := (fun k => high k - low k).
  Notation box := (in_box d low high).
  Variable small : list (list R * R).
  Hypothesis small_labelled : labelled d small.
  Variables (clean : list layer) (f_clean : list R -> R).
  Hypothesis clean_classifies : classifier d clean f_clean.
  Hypothesis bound : forall x, length x = d -> box x -> Rabs (f_clean x) <= M.
  Notation n := (length small).
  Variable m : nat.
  Hypothesis some_tents : (1 <= m)%nat.
  Hypothesis enough_tents : 2 * sum (vec d (fun k => width k * width k)) <= gamma * (2 * delta + gamma) * 4 ^ m.

  Lemma memorizer_l2_shared : exists net,
    (nonzero net <= (d + 5) * n + 8 * d * m + 2 * d + m + 2 * nonzero clean + 2 * length net + 23)%nat /\ fits d net /\
    represents_f_adv dist_2 d delta gamma box f_clean small net /\
    memorizes_robustly dist_2 d delta gamma box f_clean small net.
  Proof.
    destruct m as [| more] eqn:em; [lia |].
    set (centres := map fst small). assert (length centres = n) as nn by apply map_length.
    set (threshold := delta * delta + gap delta gamma / 4).
    set (e := excess_2_shared d more low width threshold centres).
    assert (forall k, (k < d)%nat -> 0 < width k) as pos by (intros k h; specialize (sides k h); lra).
    assert (e <> []) as some by discriminate.
    assert (length (last e []) = n) as w by (rewrite <- nn; apply excess_2_shared_width).
    assert (fits d e) as fe by apply excess_2_shared_fits.
    assert (forall x, box x -> forall k, (k < d)%nat -> 0 <= above low x k <= width k) as inside.
    { intros x bx k h. specialize (bx k h). unfold above. lra. }
    assert (sum (vec d (fun k => width k * width k)) / 4 ^ S (S more) <= gap delta gamma / 8) as small_error.
    { assert (0 < 4 ^ S more) by (apply pow_lt; lra). apply Rmult_le_reg_r with (8 * 4 ^ S more); [lra |].
      unfold gap. change (4 ^ S (S more)) with (4 * 4 ^ S more). field_simplify; [| lra]. lra. }
    assert (forall cy x, In cy small -> length x = d -> box x ->
      square_dist x (fst cy) <= square_of d more low width (fst cy) x
      <= square_dist x (fst cy) + gap delta gamma / 8) as near.
    { intros cy x i len b. destruct (square_of_near d more low width pos x len (inside x b) (fst cy)) as [l u];
        [apply small_labelled, i | lra]. }
    destruct (memorizer_of_indicators dist_2 dist_2_sym dist_2_triangle d delta gamma M gamma_pos small small_labelled
      clean f_clean clean_classifies box bound (fun c x => soft_square delta gamma (square_of d more low width c x))
      (soften n (gap delta gamma / 2) e)) as (net & size & _ & f & rep & rob).
    - discriminate.
    - apply soften_fits; assumption.
    - apply soften_width.
    - intros x len b. rewrite soften_computes by assumption. unfold e.
      rewrite excess_2_shared_compute; [| exact pos | exact len | exact (inside x b)].
      unfold centres. rewrite !map_map. reflexivity.
    - intros cy x i len b h. apply (soft_square_inside delta gamma delta_nonneg gamma_pos x (fst cy)); [| exact h].
      apply near; assumption.
    - intros cy x i len b h. apply (soft_square_outside delta gamma delta_nonneg gamma_pos x (fst cy)); [| exact h].
      apply near; assumption.
    - intros. apply soft_square_at_most_one; assumption.
    - exists net. split; [| auto].
      pose proof (excess_2_shared_nonzero d more low width threshold centres) as s. fold e in s. rewrite nn in s.
      pose proof (soften_nonzero n (gap delta gamma / 2) e). nia.
  Qed.

  Theorem theorem_3_3_l2_shared : exists net,
    (nonzero net <= (d + 5) * n + 8 * d * m + 2 * d + m + 2 * nonzero clean + 2 * length net + 23)%nat /\ fits d net /\
    represents_f_adv dist_2 d delta gamma box f_clean small net.
  Proof. destruct memorizer_l2_shared as (net & size & fit & rep & _). exists net. auto. Qed.

  Theorem corollary_3_4_l2_shared : exists net,
    (nonzero net <= (d + 5) * n + 8 * d * m + 2 * d + m + 2 * nonzero clean + 2 * length net + 23)%nat /\ fits d net /\
    memorizes_robustly dist_2 d delta gamma box f_clean small net.
  Proof. destruct memorizer_l2_shared as (net & size & fit & _ & rob). exists net. auto. Qed.
End L2Shared.
