(* Theorem 3.3 and Corollary 3.4, repaired, p = 2, with the square network of each memorized point and coordinate: a
   strict ReLU network equal to f_adv on the box [low, high] off the shells delta < ||x - x_i||_2 < delta + gamma. With
   m tents, 2 sum_k (high_k - low_k)^2 <= gamma (2 delta + gamma) 4^m, it has at most (d (7 m + 4) + m + 3) n + 2
   nonzero(f_clean) + 2 depth(f_hat) + 23 non-zeros, d (7 m + 4) + m + 2 of them in the indicator of a point. The
   squares are not exact; the indicators are, on the ball and off the shell. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus SoftIndicator Square Tents SquareNetwork Euclid Memorizer Layers AnyIndicators.
Import ListNotations.
Open Scope R_scope.

Lemma dot_unit_nth d k a x : length x = d -> (k < d)%nat -> dot (unit_at d k a) x = a * nth k x 0.
Proof. intros len h. rewrite (list_vec x d len) at 1. apply (dot_unit d k a (fun j => nth j x 0) h). Qed.
Lemma list_sum_le (A : Type) (f : A -> nat) l a : (forall v, In v l -> (f v <= a)%nat) ->
  (list_sum (map f l) <= a * length l)%nat.
Proof.
  induction l as [| v l IH]; intro h; [apply PeanoNat.Nat.le_0_l |]. simpl.
  specialize (IH (fun u i => h u (or_intror i))).
  pose proof (h v (or_introl eq_refl)). lia.
Qed.

Definition in_box (d : nat) (low high : nat -> R) (x : list R) : Prop := forall k, (k < d)%nat ->
  low k <= nth k x 0 <= high k.

Section OnePoint.
  Variables (d more : nat) (width : nat -> R) (threshold : R).
  Hypothesis width_pos : forall k, (k < d)%nat -> 0 < width k.
  Notation m := (S more).
  Variable c : list R.
  Definition both_sides : layer :=
    map (fun k => (unit_at d k 1, - nth k c 0)) (seq 0 d) ++ map (fun k => (unit_at d k (-1), nth k c 0)) (seq 0 d).
  Definition scaled : layer := map (fun k => (unit_at d k (/ width k) ++ unit_at d k (/ width k), 0)) (seq 0 d).
  Definition excess_2 : list layer :=
    both_sides :: square_net d 0 (fun k => width k * width k) [] (- threshold) scaled [] more.
  Definition off (x : list R) (k : nat) : R := nth k x 0 - nth k c 0.

  Lemma both_sides_compute x : length x = d ->
    map relu (affine both_sides x) = vec d (fun k => relu (off x k)) ++ vec d (fun k => relu (- off x k)).
  Proof.
    intro len. unfold both_sides. rewrite affine_app, map_app. unfold affine. rewrite !map_map.
    f_equal; apply map_ext_in; intros k i; apply in_seq in i; simpl fst; simpl snd;
      rewrite dot_unit_nth by (auto; lia); unfold off; f_equal; ring.
  Qed.
  Lemma scaled_compute x :
    affine scaled (vec d (fun k => relu (off x k)) ++ vec d (fun k => relu (- off x k))) =
    vec d (fun k => Rabs (off x k) / width k).
  Proof.
    unfold scaled, affine. rewrite map_map. apply map_ext_in. intros k i. apply in_seq in i. simpl fst. simpl snd.
    rewrite dot_app by (rewrite vec_length; apply vec_length). rewrite !dot_unit by lia.
    assert (relu (off x k) + relu (- off x k) = Rabs (off x k)) as e by (unfold Rabs; destruct Rcase_abs; relu_split;
      lra).
    unfold Rdiv. rewrite <- e. ring.
  Qed.
  Lemma excess_2_computes x : length x = d -> (forall k, (k < d)%nat -> Rabs (off x k) <= width k) ->
    eval excess_2 x = [squares d (fun k => width k * width k) (fun k => Rabs (off x k) / width k) m - threshold].
  Proof.
    intros len near. unfold excess_2. rewrite eval_cons by discriminate. rewrite both_sides_compute by exact len.
    rewrite square_net_computes with (t := fun k => Rabs (off x k) / width k).
    - simpl. f_equal. ring.
    - intros. apply Rle_0_sqr.
    - auto.
    - reflexivity.
    - intros k h. specialize (near k h). specialize (width_pos k h). pose proof (Rabs_pos (off x k)).
      split; [apply Rmult_le_pos; [assumption | left; apply Rinv_0_lt_compat; assumption] |].
      apply Rmult_le_reg_r with (width k); [assumption |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra.
    - apply scaled_compute.
    - intros v [].
  Qed.
  Lemma scaled_length : length scaled = d.
  Proof. unfold scaled. rewrite map_length. apply seq_length. Qed.
  Lemma both_sides_length : length both_sides = (d + d)%nat.
  Proof. unfold both_sides. rewrite app_length, !map_length, seq_length. reflexivity. Qed.
  Lemma excess_2_fits : fits d excess_2.
  Proof.
    split.
    - unfold both_sides. apply Forall_app. split; apply Forall_map, Forall_forall; intros k _; simpl;
      rewrite unit_length; lia.
    - rewrite both_sides_length. apply square_net_fits; [auto | exact scaled_length | reflexivity | | constructor].
      apply Forall_map, Forall_forall. intros k _. simpl. rewrite app_length, !unit_length. lia.
  Qed.
  Lemma excess_2_width : length (last excess_2 []) = 1%nat.
  Proof. exact (square_net_width d 0 (fun k => width k * width k) [] (- threshold) scaled [] more). Qed.
  Lemma excess_2_length : length excess_2 = (m + 2)%nat.
  Proof. unfold excess_2, square_net. simpl. rewrite from_length. lia. Qed.
  Lemma excess_2_nonzero : (nonzero excess_2 <= d * (7 * m + 4) + m)%nat.
  Proof.
    unfold excess_2. rewrite nonzero_cons.
    assert (nz_layer both_sides <= 2 * (d + d))%nat as s.
    { rewrite <- both_sides_length. apply nz_layer_le. intros n i. apply in_app_or in i.
      destruct i as [i | i]; apply in_map_iff in i; destruct i as (k & <- & _); simpl fst; simpl snd.
      - pose proof (nz_row_unit d k 1). pose proof (nz_le (- nth k c 0)). lia.
      - pose proof (nz_row_unit d k (-1)). pose proof (nz_le (nth k c 0)). lia. }
    assert (forall n, In n scaled -> (nz_row (fst n) <= 2)%nat /\ snd n = 0) as rows.
    { intros n i. apply in_map_iff in i. destruct i as (k & <- & _). simpl fst. split; [| reflexivity].
      rewrite nz_row_app.
      pose proof (nz_row_unit d k (/ width k)). lia. }
    assert (nz_layer scaled <= 2 * d)%nat as v.
    { rewrite <- scaled_length. apply nz_layer_le. intros n i. destruct (rows n i) as [h ->]. rewrite nz_0. lia. }
    pose proof (square_net_nonzero d 0 (fun k => width k * width k) [] (- threshold) (le_n 0) scaled [] scaled_length
      eq_refl more 2
      (fun n i => proj1 (rows n i))) as q.
    change (nz_layer []) with 0%nat in q. change (nz_row []) with 0%nat in q. lia.
  Qed.
End OnePoint.

Section L2.
  Variables (d : nat) (delta gamma M : R).
  Hypotheses (delta_nonneg : 0 <= delta) (gamma_pos : 0 < gamma).
  Variables low high : nat -> R.
  Hypothesis sides : forall k, (k < d)%nat -> low k < high k.
  Notation width := (fun k => high k - low k).
  Notation box := (in_box d low high).
  Variable small : list (list R * R).
  Hypothesis small_labelled : labelled d small.
  Hypothesis small_in_box : forall cy, In cy small -> box (fst cy).
  Variables (clean : list layer) (f_clean : list R -> R).
  Hypothesis clean_classifies : classifier d clean f_clean.
  Hypothesis bound : forall x, length x = d -> box x -> Rabs (f_clean x) <= M.
  Notation n := (length small).
  Variable m : nat.
  Hypothesis some_tents : (1 <= m)%nat.
  Hypothesis enough_tents : 2 * sum (vec d (fun k => width k * width k)) <= gamma * (2 * delta + gamma) * 4 ^ m.

  Notation threshold := (delta * delta + gap delta gamma / 4).
  Notation square_of c x := (squares d (fun k => width k * width k) (fun k => Rabs (off c x k) / width k) m).

  Lemma off_at_most_width c x k : box c -> box x -> (k < d)%nat -> Rabs (off c x k) <= width k.
  Proof. intros bc bx h. specialize (bc k h). specialize (bx k h). unfold off, Rabs. destruct Rcase_abs; lra. Qed.
  Lemma square_of_near c x : length c = d -> length x = d -> box c -> box x ->
    square_dist x c <= square_of c x <= square_dist x c + gap delta gamma / 8.
  Proof.
    intros lc lx bc bx. rewrite (square_dist_vec x c d lx lc).
    pose proof (squares_near d width (off c x) m) as near. destruct near as [a b].
    { intros k h. split; [specialize (sides k h); lra | apply off_at_most_width; assumption]. }
    split; [exact a |]. eapply Rle_trans; [exact b |]. apply Rplus_le_compat_l.
    assert (0 < 4 ^ m) by (apply pow_lt; lra). apply Rmult_le_reg_r with (8 * 4 ^ m); [lra |].
    unfold gap. simpl pow. field_simplify; [| lra]. lra.
  Qed.

  Lemma memorizer_l2 : exists net,
    (nonzero net <= (d * (7 * m + 4) + m + 3) * n + 2 * nonzero clean + 2 * length net + 23)%nat /\ fits d net /\
    represents_f_adv dist_2 d delta gamma box f_clean small net /\
    memorizes_robustly dist_2 d delta gamma box f_clean small net.
  Proof.
    destruct m as [| more] eqn:em; [lia |]. rewrite <- em in *.
    set (nets := map (fun cy => excess_2 d more width threshold (fst cy)) small).
    assert (forall k, (k < d)%nat -> 0 < width k) as pos by (intros k h; specialize (sides k h); lra).
    assert (forall net, In net nets -> length net = (m + 2)%nat /\ fits d net) as same.
    { intros net i. apply in_map_iff in i. destruct i as (cy & <- & _).
      split; [rewrite em; apply excess_2_length | apply excess_2_fits]. }
    destruct (side_by_side_all d (m + 2) nets ltac:(lia) same) as (len & fit & comp & wid & non).
    set (all := side_by_side (m + 2) nets) in *.
    assert (all <> []) as some by (destruct all; [simpl in len; lia | discriminate]).
    assert (list_sum (map (fun net => length (last net [])) nets) = n) as count.
    { unfold nets. rewrite map_map. clear. induction small as [| cy l IH]; [reflexivity |].
      cbn [map list_sum fold_right length]. rewrite excess_2_width. unfold list_sum in IH. rewrite IH. reflexivity. }
    rewrite count in wid.
    destruct (memorizer_of_indicators dist_2 dist_2_sym dist_2_triangle d delta gamma M gamma_pos small small_labelled
      clean f_clean clean_classifies box bound (fun c x => soft_square delta gamma (square_of c x))
      (soften n (gap delta gamma / 2) all)) as (net & size & _ & f & rep & rob).
    - destruct all; discriminate.
    - apply soften_fits; assumption.
    - apply soften_width.
    - intros x lx bx. rewrite soften_computes by assumption. rewrite comp by exact lx. unfold nets.
      assert (forall l, (forall cy, In cy l -> In cy small) ->
        map (fun e => relu (1 - relu e / (gap delta gamma / 2))) (flat_map (fun net => eval net x)
          (map (fun cy => excess_2 d more width threshold (fst cy)) l)) =
        map (fun cy => soft_square delta gamma (square_of (fst cy) x)) l) as every; [| apply every; auto].
      induction l as [| cy l IH]; intro sub; [reflexivity |]. cbn [map flat_map].
      rewrite excess_2_computes; [| exact pos | exact lx |].
      + cbn [app map]. rewrite IH by (intros; apply sub; right; assumption). unfold soft_square, soft. rewrite em.
        reflexivity.
      + intros k h. apply off_at_most_width; [apply small_in_box, sub; left; reflexivity | exact bx | exact h].
    - intros cy x i lx bx near. apply (soft_square_inside delta gamma delta_nonneg gamma_pos x (fst cy));
      [| exact near].
      apply square_of_near; auto. apply small_labelled, i.
    - intros cy x i lx bx far. apply (soft_square_outside delta gamma delta_nonneg gamma_pos x (fst cy)); [| exact far].
      apply square_of_near; auto. apply small_labelled, i.
    - intros. apply soft_square_at_most_one; assumption.
    - exists net. split; [| auto].
      assert (nonzero all <= (d * (7 * m + 4) + m) * n)%nat as e.
      { rewrite non. unfold nets. rewrite map_map. apply list_sum_le. intros cy _. rewrite em. apply excess_2_nonzero. }
      pose proof (soften_nonzero n (gap delta gamma / 2) all) as s. lia.
  Qed.

  Theorem theorem_3_3_l2 : exists net,
    (nonzero net <= (d * (7 * m + 4) + m + 3) * n + 2 * nonzero clean + 2 * length net + 23)%nat /\ fits d net /\
    represents_f_adv dist_2 d delta gamma box f_clean small net.
  Proof. destruct memorizer_l2 as (net & size & fit & rep & _). exists net. auto. Qed.

  Theorem corollary_3_4_l2 : exists net,
    (nonzero net <= (d * (7 * m + 4) + m + 3) * n + 2 * nonzero clean + 2 * length net + 23)%nat /\ fits d net /\
    memorizes_robustly dist_2 d delta gamma box f_clean small net.
  Proof. destruct memorizer_l2 as (net & size & fit & _ & rob). exists net. auto. Qed.
End L2.
