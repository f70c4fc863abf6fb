(* The distributions of Theorem 3.5. Words c_k in {0, .., m-1}^(d-1) that differ pairwise in at least b places,
   labels y_k, s = (1 - 2 eta)/(m - 1), u_k = eta + s c_k, and at each u_k a cube of half-width eta with centre (u_k,
   1/2 + tau y_k). If 0 < eta < tau, tau + d eta <= delta, tau + eta <= 1/2, R = b^(1/p) (s - 3 eta) > 2 delta, then
   the cubes are in [0, 1]^d, cubes of different labels are more than R apart in l_p, x_d - 1/2 has no error, and a
   classifier that is robust at radius delta somewhere on a cube is right at the mid-point (u_k, 1/2), in reach of
   it. For l_inf, b = 1. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Linf Memorizer L1 Lp.
Import ListNotations.
Open Scope R_scope.

(* In how many places two words differ. *)
Fixpoint hamming (v w : list nat) : nat :=
  match v, w with a :: v', b :: w' => ((if Nat.eq_dec a b then 0 else 1) + hamming v' w')%nat | _, _ => 0%nat end.

Section Cubes.
  Variables (d m b : nat) (eta tau delta : R).
  Hypotheses (letters : (2 <= m)%nat) (eta_range : 0 < eta < tau) (top : tau + eta <= 1 / 2).
  Hypothesis reach : tau + INR d * eta <= delta.
  Definition s : R := (1 - 2 * eta) / (INR m - 1).
  Definition place (w : list nat) : list R := map (fun c => eta + s * INR c) w.
  Definition middle (w : list nat) : list R := place w ++ [1 / 2].
  (* the point x is in the cube over the word w with label y *)
  Definition in_cube (w : list nat) (y : R) (x : list R) : Prop :=
    length x = S (length w) /\ dist_inf x (place w ++ [1 / 2 + tau * y]) <= eta.
  Definition word (w : list nat) : Prop := S (length w) = d /\ forall c, In c w -> (c <= m - 1)%nat.
  Definition f_clean (x : list R) : R := last x 0 - 1 / 2.

  Lemma m_range : 1 <= INR m - 1.
  Proof. apply le_INR in letters. simpl in letters. lra. Qed.
  Lemma step : 0 < s /\ s * (INR m - 1) = 1 - 2 * eta.
  Proof.
    pose proof m_range. split; [apply Rdiv_lt_0_compat; lra | unfold s; field; lra].
  Qed.

  (* A point of a cube is a list u ++ [h]: u near the place, h near the height. *)
  Lemma split_point w y x : in_cube w y x ->
    exists u h, x = u ++ [h] /\ length u = length w /\ dist_inf u (place w) <= eta /\ Rabs (h - (1 / 2 + tau * y)) <=
      eta.
  Proof.
    intros [len near]. destruct (exists_last (l := x)) as (u & h & ->); [intros ->; discriminate |].
    rewrite app_length in len. simpl in len. assert (length u = length w) as l by lia. exists u, h.
    split; [reflexivity | split; [exact l |]].
    assert (length u = length (place w)) as l' by (unfold place; rewrite map_length; exact l).
    revert l' near. generalize (place w) as q. clear. induction u as [| a u IH]; intros [| c q] e near;
      try discriminate.
    - simpl in *. split; [eapply Rle_trans; [apply Rmax_r | exact near] | eapply Rle_trans;
      [apply Rmax_l | exact near]].
    - injection e as e. simpl in *. destruct (IH q e) as [p r]; [eapply Rle_trans; [apply Rmax_r | exact near] |].
      split; [apply Rmax_lub; [eapply Rle_trans; [apply Rmax_l | exact near] | exact p] | exact r].
  Qed.

  Theorem cubes_in_the_box w y x : word w -> is_label y -> in_cube w y x -> forall a, In a x -> 0 <= a <= 1.
  Proof.
    intros [_ small] lab i a ia. destruct (split_point w y x i) as (u & h & -> & l & near & height).
      destruct step as [sp se].
    apply in_app_or in ia. destruct ia as [ia | [<- | []]].
    - revert l near a ia small. generalize w as v. clear - sp se eta_range letters.
      induction u as [| g u IH]; intros [| c v] l near a ia small; try discriminate; [contradiction |].
      injection l as l. simpl in near. destruct ia as [<- | ia].
      + assert (Rabs (g - (eta + s * INR c)) <= eta) as n by (eapply Rle_trans; [apply Rmax_l | exact near]).
        assert (0 <= INR c <= INR m - 1) as r.
        { split; [apply pos_INR |]. specialize (small c (or_introl eq_refl)). apply le_INR in small.
          rewrite minus_INR in small by lia. simpl in small. exact small. }
        assert (0 <= s * INR c) by (apply Rmult_le_pos; lra).
        assert (s * INR c <= s * (INR m - 1)) by (apply Rmult_le_compat_l; lra).
        unfold Rabs in n. destruct Rcase_abs in n; lra.
      + apply (IH v l); [eapply Rle_trans; [apply Rmax_r | exact near] | exact ia | intros; apply small; right;
        assumption].
    - destruct lab as [-> | ->]; unfold Rabs in height; destruct Rcase_abs in height; lra.
  Qed.

  Theorem clean_on_the_cubes w y x : is_label y -> in_cube w y x -> 0 < y * f_clean x.
  Proof.
    intros lab i. destruct (split_point w y x i) as (u & h & -> & _ & _ & height). unfold f_clean. rewrite last_last.
    destruct lab as [-> | ->]; unfold Rabs in height; destruct Rcase_abs in height; lra.
  Qed.

  (* The mid-point is within delta of each point of the cube in l_1, so in every l_p and in l_inf. *)
  Theorem middle_in_reach w y x : word w -> is_label y -> in_cube w y x -> dist_1 (middle w) x <= delta.
  Proof.
    intros [dim _] lab i. destruct (split_point w y x i) as (u & h & -> & l & near & height). unfold middle.
    assert (length u = length (place w)) as l' by (unfold place; rewrite map_length; exact l).
    assert (dist_1 (place w ++ [1 / 2]) (u ++ [h]) <= INR (length u) * eta + (tau + eta)) as c.
    { clear l i. revert l' near. generalize (place w) as q. induction u as [| a u IH]; intros [| c q] e near;
      try discriminate.
      - simpl. destruct lab as [-> | ->]; revert height; unfold Rabs; repeat destruct Rcase_abs; lra.
      - injection e as e. specialize (IH q e ltac:(eapply Rle_trans; [apply Rmax_r | exact near])).
        assert (Rabs (a - c) <= eta) as n by (eapply Rle_trans; [apply Rmax_l | exact near]).
        change (length (a :: u)) with (S (length u)). rewrite S_INR. rewrite Rabs_minus_sym in n. simpl. simpl in IH.
          lra. }
    rewrite <- dim, S_INR, <- l in reach. lra.
  Qed.

  Lemma places_apart v w x z : length x = length v -> length z = length w -> length v = length w ->
    dist_inf x (place v) <= eta -> dist_inf z (place w) <= eta -> (hamming v w <= apart (s - 2 * eta) x z)%nat.
  Proof.
    destruct step as [sp _]. revert v w z. induction x as [| a x IH]; intros [| c v] [| e w] [| g z] l1 l2 l3 n1 n2;
      try discriminate; [simpl; auto |].
    injection l1 as l1. injection l2 as l2. injection l3 as l3. simpl in n1, n2. specialize (IH v w z l1 l2 l3
      ltac:(eapply Rle_trans; [apply Rmax_r | exact n1]) ltac:(eapply Rle_trans; [apply Rmax_r | exact n2])).
    assert (Rabs (a - (eta + s * INR c)) <= eta) as p by (eapply Rle_trans; [apply Rmax_l | exact n1]).
    assert (Rabs (g - (eta + s * INR e)) <= eta) as q by (eapply Rle_trans; [apply Rmax_l | exact n2]).
    simpl. destruct (Nat.eq_dec c e) as [_ | n]; [destruct Rle_dec; lia |].
    destruct (Rle_dec (s - 2 * eta) (Rabs (a - g))) as [_ | close]; [lia |]. exfalso. apply close.
    assert (s <= Rabs (s * INR c - s * INR e)).
    { rewrite <- Rmult_minus_distr_l, Rabs_mult, (Rabs_pos_eq s) by lra. rewrite <- (Rmult_1_r s) at 1.
      apply Rmult_le_compat_l; [lra |]. destruct (Nat.lt_ge_cases c e) as [h | h].
      - apply Nat.le_succ_l, le_INR in h. rewrite S_INR in h. unfold Rabs. destruct Rcase_abs; lra.
      - assert (S e <= c)%nat as h' by lia. apply le_INR in h'. rewrite S_INR in h'. unfold Rabs. destruct Rcase_abs;
        lra. }
    revert p q H. unfold Rabs. repeat destruct Rcase_abs; lra.
  Qed.
  Lemma apart_app t x z a c : length x = length z -> (apart t x z <= apart t (x ++ [a]) (z ++ [c]))%nat.
  Proof.
    revert z; induction x as [| g x IH]; intros [| h z] e; try discriminate; simpl; [lia |]. injection e as e.
    specialize (IH z e). lia.
  Qed.

  Theorem cubes_apart v w y y' x z : length v = length w -> in_cube v y x -> in_cube w y' z ->
    (hamming v w <= apart (s - 2 * eta) x z)%nat.
  Proof.
    intros len i j. destruct (split_point v y x i) as (u & h & -> & l & n & _).
    destruct (split_point w y' z j) as (u' & h' & -> & l' & n' & _).
    eapply Nat.le_trans; [apply (places_apart v w u u'); assumption | apply apart_app; lia].
  Qed.

  Corollary cubes_apart_p p v w y y' x z : 1 <= p -> (1 <= b)%nat -> (b <= hamming v w)%nat -> 0 < s - 3 * eta ->
    length v = length w -> in_cube v y x -> in_cube w y' z -> Rpower (INR b) (/ p) * (s - 3 * eta) < dist_p p x z.
  Proof.
    intros pr some far pos len i j. pose proof (cubes_apart v w y y' x z len i j) as h.
    eapply Rlt_le_trans; [| apply (dist_p_apart p pr (s - 2 * eta) x z b); [lra | exact some | lia]].
    apply Rmult_lt_compat_l; [apply exp_pos | lra].
  Qed.
  Corollary cubes_apart_inf v w y y' x z : (1 <= hamming v w)%nat ->
    length v = length w -> in_cube v y x -> in_cube w y' z -> s - 3 * eta < dist_inf x z.
  Proof.
    intros far len i j. pose proof (cubes_apart v w y y' x z len i j) as h.
    assert (s - 2 * eta <= dist_inf x z) by (apply dist_inf_apart; lia). lra.
  Qed.

  Lemma middle_length w : word w -> length (middle w) = d.
  Proof. intros [e _]. unfold middle, place. rewrite app_length, map_length, Nat.add_1_r. exact e. Qed.
End Cubes.
