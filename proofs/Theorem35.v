(* Theorem 3.5, repaired, with the growth bound as a hypothesis: the networks with at most W non-zeros have at most
   2^G patterns of signs on the K mid-points (ledger: log2 of their number <= W log2(2e(W+d)) + W + W(W+1)/2
   log2(2eK)). On the K cubes of Cubes.v, if G < (1 - h(alpha)) K, 0 < alpha <= 1/2, all labellings but a share of at
   most 2^(G - (1 - h) K) force L_D^adv(f) > alpha mu_0 for every such network f and every D that is mu_0-balanced on
   the cubes, mu_0 > 0, and there is such a labelling. Classes are more than R = b^(1/p) (s - 3 eta) apart; x_d - 1/2
   has no error. *)
From Coq Require Import Reals List Lra Lia Bool.
Require Import Network Calculus Linf Memorizer Law Labellings L1 Lp Cubes.
Import ListNotations.
Open Scope R_scope.

Definition sign (y : bool) : R := if y then 1 else -1.
Lemma sign_is_label y : is_label (sign y).
Proof. unfold is_label. destruct y; simpl; lra. Qed.

Section HardDistribution.
  Variables (d m : nat) (eta tau delta : R).
  Hypotheses (letters : (2 <= m)%nat) (eta_range : 0 < eta < tau) (top : tau + eta <= 1 / 2).
  Hypothesis reach : tau + INR d * eta <= delta.
  Variable words : list (list nat).
  Hypothesis words_of_length : forall w, In w words -> word d m w.
  Notation K := (length words).
  Notation cube k y := (in_cube m eta tau (nth k words []) (sign (nth k y true))).
  Notation mid k := (middle m eta (nth k words [])).
  (* any norm that is at most l_1 *)
  Variable dist : list R -> list R -> R.
  Hypothesis dist_below_1 : forall x z, dist x z <= dist_1 x z.

  (* The data are in the cubes, with their labels; D(E) >= mu_0 m_0(E) for every union E of cubes, m_0 uniform on all.
    *)
  Definition in_cubes (y : list bool) (ks : list nat) (z : Rd d * R) : Prop :=
    exists k, In k ks /\ cube k y (list_of (fst z)) /\ snd z = sign (nth k y true).
  Definition balanced (mu0 : R) (y : list bool) (D : law (Rd d * R)) : Prop :=
    forall ks, NoDup ks -> (forall k, In k ks -> (k < K)%nat) -> mu0 * (INR (length ks) / INR K) <= D (in_cubes y ks).

  (* The signs of f at the mid-points; f = 0 counts as -1, but is an error for either label. *)
  Definition pattern (f : list R -> R) : list bool := map (fun w => if Rlt_dec 0 (f (middle m eta w)) then true else
    false) words.
  Definition mistakes (f : list R -> R) (y : list bool) : list nat :=
    filter (fun k => negb (Bool.eqb (nth k (pattern f) true) (nth k y true))) (seq 0 K).

  Lemma mistakes_differ f y : length y = K -> length (mistakes f y) = differ (pattern f) y.
  Proof.
    intro e. unfold mistakes. assert (length (pattern f) = K) as e' by apply map_length. revert e e'. generalize K as n.
    generalize (pattern f) as z. clear. induction y as [| a y IH]; intros [| c z] n e e'; subst n; try discriminate;
      [reflexivity |].
    injection e' as e'. specialize (IH z (length y) eq_refl e'). cbn [length seq filter]. rewrite <- seq_shift.
    cbn [nth differ]. rewrite <- IH, <- filter_map_length with (f := S) (p := fun k =>
      negb (Bool.eqb (nth k (c :: z) true) (nth k (a :: y) true))). destruct (Bool.eqb c a); reflexivity.
  Qed.

  (* A wrong sign at the mid-point of a cube is an error on all of it. *)
  Lemma mistakes_are_errors f y k (x : Rd d) : In k (mistakes f y) -> cube k y (list_of x) ->
    attacked (Rd d) (between dist d) delta (fun x => f (list_of x)) (x, sign (nth k y true)).
  Proof.
    unfold mistakes. intros i c. apply filter_In in i. destruct i as [i bad]. apply in_seq in i.
    assert (In (nth k words []) words) as iw by (apply nth_In; lia).
    assert (word d m (nth k words [])) as wd by (apply words_of_length, iw).
    exists (exist _ (mid k) (middle_length d m eta (nth k words []) wd)). split.
    { unfold between. simpl. eapply Rle_trans; [apply dist_below_1 |].
      apply (middle_in_reach d m eta tau delta letters eta_range reach _ (sign (nth k y true)));
        auto using sign_is_label. }
    assert (nth k (pattern f) true = if Rlt_dec 0 (f (mid k)) then true else false) as e.
    { unfold pattern. rewrite (nth_indep _ true (if Rlt_dec 0 (f (middle m eta [])) then true else false))
        by (rewrite map_length; lia).
      apply (map_nth (fun w => if Rlt_dec 0 (f (middle m eta w)) then true else false)). }
    rewrite e in bad. unfold wrong. destruct (Rlt_dec 0 (f (mid k))), (nth k y true); simpl in *; try discriminate; lra.
  Qed.

  Lemma error_of_mistakes f y D mu0 : balanced mu0 y D -> mu0 * (INR (length (mistakes f y)) / INR K) <=
    adversarial_error (Rd d) (between dist d) delta D (fun x => f (list_of x)).
  Proof.
    intro bal. eapply Rle_trans; [apply bal |].
    - apply NoDup_filter, seq_NoDup.
    - intros k i. apply filter_In in i. destruct i as [i _]. apply in_seq in i. lia.
    - apply mass_monotone. intros [x v] (k & i & c & e). simpl in *. subst v. apply mistakes_are_errors; assumption.
  Qed.

  (* ---- size ---- *)
  Definition computes (net : list layer) (x : list R) : R := nth 0 (eval net x) 0.
  Variables (W a : nat) (alpha G : R).
  Hypotheses (alpha_range : 0 < alpha <= 1 / 2) (places : INR a <= alpha * INR K < INR a + 1) (some : (0 < K)%nat).
  (* the growth bound: a list of at most 2^G patterns has those of all networks with at most W non-zeros *)
  Variable patterns : list (list bool).
  Hypothesis patterns_all : forall net, network d net -> (nonzero net <= W)%nat -> In (pattern (computes net)) patterns.
  Hypothesis growth : INR (length patterns) <= Rpower 2 G.
  Hypothesis patterns_length : forall z, In z patterns -> length z = K.

  (* The labelling y forces every network of the size. *)
  Definition forces (y : list bool) : Prop := forall net mu0 D, network d net -> (nonzero net <= W)%nat -> 0 < mu0 ->
    balanced mu0 y D ->
    alpha * mu0 < adversarial_error (Rd d) (between dist d) delta D (fun x => computes net (list_of x)).

  Lemma far_labelling_forces y : length y = K -> (forall z, In z patterns -> (a < differ z y)%nat) -> forces y.
  Proof.
    intros len far net mu0 D layers small pos bal. eapply Rlt_le_trans; [| apply (error_of_mistakes (computes net) y D
      mu0 bal)].
    rewrite (mistakes_differ _ y len). specialize (far _ (patterns_all net layers small)). apply Nat.le_succ_l,
      le_INR in far.
    rewrite S_INR in far. assert (0 < INR K) as k by (apply lt_0_INR, some). rewrite Rmult_comm.
    apply Rmult_lt_compat_l; [exact pos |]. apply Rmult_lt_reg_r with (INR K); [exact k |].
    unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra.
  Qed.

  (* All labellings but a share of 2^(G - (1 - h) K) ... *)
  Theorem theorem_3_5_most_labellings : exists bad,
    INR (length bad) <= Rpower 2 (G - (1 - entropy alpha) * INR K) * INR (length (labellings K)) /\
    forall y, length y = K -> ~ In y bad -> forces y.
  Proof.
    exists (filter (near_some patterns a) (labellings K)). split.
    - apply few_labellings_near; try assumption; lra.
    - intros y len out. apply far_labelling_forces; [exact len |]. intros z i. apply Nat.nle_gt. intro le. apply out.
      apply filter_In. split; [apply in_labellings, len |]. apply existsb_exists. exists z.
      split; [exact i | apply Nat.leb_le, le].
  Qed.

  (* ... and there is one if G < (1 - h) K. *)
  Theorem theorem_3_5 : G < (1 - entropy alpha) * INR K -> exists y, length y = K /\ forces y.
  Proof.
    intro small. destruct (some_labelling_far alpha G K a patterns) as (y & len & far); try assumption; [lra |].
    exists y. split; [exact len | apply far_labelling_forces; assumption].
  Qed.
End HardDistribution.

(* What the cubes have to meet: words that differ in b places, R > 2 delta. *)
Section Assumptions.
  Variables (d m b : nat) (eta tau delta p : R).
  Hypotheses (letters : (2 <= m)%nat) (eta_range : 0 < eta < tau) (top : tau + eta <= 1 / 2) (p_range : 1 <= p).
  Notation R_ := (Rpower (INR b) (/ p) * (s m eta - 3 * eta)).
  Hypotheses (some : (1 <= b)%nat) (separation : 2 * delta < R_) (radius : 0 <= delta).
  Variable words : list (list nat).
  Hypothesis words_of_length : forall w, In w words -> word d m w.
  Hypothesis code : forall j k, (j < length words)%nat -> (k < length words)%nat -> j <> k ->
    (b <= hamming (nth j words []) (nth k words []))%nat.
  Variable y : list bool.
  Notation cube k := (in_cube m eta tau (nth k words []) (sign (nth k y true))).
  Definition clean_net : list layer := [[(repeat 0 (d - 1) ++ [1], - (1 / 2))]].

  Lemma clean_net_computes x : length x = d -> (1 <= d)%nat -> eval clean_net x = [f_clean x].
  Proof.
    intros len pos. destruct (exists_last (l := x)) as (u & h & ->); [intros ->; simpl in len; lia |].
    rewrite app_length in len. simpl in len. unfold clean_net, f_clean. rewrite last_last. simpl. f_equal.
    replace (d - 1)%nat with (length u) by lia. clear. assert (forall t, dot (repeat 0 (length u) ++ [1]) (u ++ [h]) +
      t = h + t) as e.
    { intro t. induction u as [| a u IH]; simpl; [ring |]. lra. }
    apply e.
  Qed.
  Lemma clean_net_nonzero : nonzero clean_net = 2%nat.
  Proof.
    unfold nonzero, clean_net, nz_layer. simpl. rewrite nz_row_app, nz_row_zeros. unfold nz_row, nz. simpl.
    destruct (Req_EM_T 1 0); [lra |]. destruct (Req_EM_T (- (1 / 2)) 0); [lra |]. reflexivity.
  Qed.

  (* In the box, classes more than R > 2 delta apart, and rightly classified by two non-zeros, for all labels y. *)
  Theorem hard_distribution_meets_the_assumptions j k x z : (j < length words)%nat -> (k < length words)%nat ->
    cube j x -> cube k z ->
    (forall a, In a x -> 0 <= a <= 1) /\ 0 < sign (nth j y true) * f_clean x /\
    (sign (nth j y true) <> sign (nth k y true) -> R_ < dist_p p x z).
  Proof.
    intros hj hk cj ck. assert (In (nth j words []) words) as ij by (apply nth_In; exact hj).
    assert (In (nth k words []) words) as ik by (apply nth_In; exact hk). split; [| split].
    - apply (cubes_in_the_box d m eta tau letters eta_range top (nth j words []) (sign (nth j y true)));
        auto using sign_is_label.
    - apply (clean_on_the_cubes m eta tau letters eta_range (nth j words [])); auto using sign_is_label.
    - intro other. assert (j <> k) as n by (intros ->; contradiction).
      assert (0 < Rpower (INR b) (/ p)) by apply exp_pos.
      apply (cubes_apart_p m b eta tau letters eta_range top p (nth j words []) (nth k words [])
        (sign (nth j y true)) (sign (nth k y true)) x z p_range some
        (code j k hj hk n)); [apply Rmult_lt_reg_l with (Rpower (INR b) (/ p)); lra | | exact cj | exact ck].
      pose proof (proj1 (words_of_length _ ij)). pose proof (proj1 (words_of_length _ ik)). lia.
  Qed.
End Assumptions.
