(* Corollary 3.4 (i) by another network, without clean classifier, gate or shell around the balls: rules of robust
   literals, p in {1, 2, infinity}. A literal is true on the ball of c if w . c is beyond its threshold by delta
   ||w||_q + gamma / 2, and false if its opposite is true. Let every point have a rule of its class, of its level, that
   is true on its ball, or be of the last class; and let every rule of another class, of levels up to that one, have a
   false literal there. With T at least 1 and at least every neuron on the balls, and W_l at least 1/2 and what rules
   of another class and later levels can add, the network of three layers is right with margin 1/2 on every ball. W_l =
   (1 + T rules)^(last level - l) does. *)
From Coq Require Import Reals List Lra Lia Bool.
Require Import Network Calculus Tents SquareNetwork Levels Hoelder Rules.
Import ListNotations.
Open Scope R_scope.

Section Robust.
  Variables (dist : list R -> list R -> R) (dual : list R -> R).
  Hypothesis these : norms dist dual.
  Variables (d classes default : nat) (delta gamma T : R).
  Hypotheses (gamma_pos : 0 < gamma) (T_one : 1 <= T).
  Variables (neurons : list literal) (rules : list rule).
  Hypothesis formed : well_formed d neurons rules.
  Notation neuron_of := (neuron_of neurons).
  Notation value := (value gamma).
  Notation J := (J gamma T neurons).

  Definition true_on (c : list R) (l : literal) : Prop :=
    if high l then threshold l + (delta * dual (form l) + gamma / 2) <= dot (form l) c
    else dot (form l) c <= threshold l - (delta * dual (form l) + gamma / 2).
  Definition false_on (c : list R) (l : literal) : Prop := true_on c (opposite l).
  (* the literals of a rule: the one that is counted, and the opposites of those that are against it *)
  Definition rule_true (c : list R) (r : rule) : Prop := (forall i, counted r = Some i -> true_on c (neuron_of i)) /\
    forall i, In i (against r) -> true_on c (opposite (neuron_of i)).
  Definition rule_false (c : list R) (r : rule) : Prop := (exists i, counted r = Some i /\ false_on c (neuron_of i)) \/
    exists i, In i (against r) /\ false_on c (opposite (neuron_of i)).

  Lemma opposite_twice l : opposite (opposite l) = l.
  Proof. destruct l. unfold opposite. simpl. rewrite negb_involutive. reflexivity. Qed.
  Lemma value_nonneg l x : 0 <= value l x.
  Proof. apply relu_nonneg. Qed.
  Lemma literal_on_ball c x l : length x = length c -> dist x c <= delta -> true_on c l ->
    3 / 2 <= value l x /\ value (opposite l) x = 0.
  Proof.
    intros len near t. destruct (hoelder_all dist dual these) as [pos hoelder].
    pose proof (hoelder (form l) x c len) as h. pose proof (pos (form l)) as p.
    assert (dual (form l) * dist x c <= delta * dual (form l)) as reach by nra.
    unfold true_on, value, slope, opposite in *. simpl.
    assert (forall v, gamma / 2 <= v -> 1 <= 2 / gamma * v) as unit.
    { intros v hv. replace 1 with (2 / gamma * (gamma / 2)) by (field; lra). apply Rmult_le_compat_l; [| exact hv].
      left. apply Rdiv_lt_0_compat; lra. }
    unfold Rabs in h. destruct (high l); simpl.
    - assert (gamma / 2 <= dot (form l) x - threshold l) as v by (destruct Rcase_abs in h; lra). apply unit in v. split.
      + rewrite relu_pos; lra.
      + apply relu_neg. rewrite <- Ropp_mult_distr_l. lra.
    - assert (gamma / 2 <= - (dot (form l) x - threshold l)) as v by (destruct Rcase_abs in h; lra). apply unit in v.
      split.
      + rewrite relu_pos; rewrite <- Ropp_mult_distr_l; lra.
      + apply relu_neg. lra.
  Qed.

  Lemma rule_on_ball c x r : length x = length c -> dist x c <= delta -> rule_true c r -> 1 <= J r x.
  Proof.
    intros len near [own others]. unfold J. eapply Rle_trans; [| apply relu_ge].
    assert (sum (map (fun i => value (neuron_of i) x) (against r)) = 0) as ->.
    { induction (against r) as [| i l IH]; [reflexivity |]. simpl. unfold sum in *. simpl.
      destruct (literal_on_ball c x _ len near (others i (or_introl eq_refl))) as [_ z]. rewrite opposite_twice in z.
      rewrite z, IH by (intros; apply others; right; assumption). ring. }
    destruct (counted r) as [i |]; [| lra].
    destruct (literal_on_ball c x _ len near (own i eq_refl)) as [v _]. lra.
  Qed.
  Lemma sum_against_nonneg r x : 0 <= sum (map (fun i => value (neuron_of i) x) (against r)).
  Proof.
    induction (against r) as [| i l IH]; simpl; [lra |]. pose proof (value_nonneg (neuron_of i) x). unfold sum in *.
    simpl. lra.
  Qed.
  Lemma sum_against_ge r x i : In i (against r) ->
    value (neuron_of i) x <= sum (map (fun i => value (neuron_of i) x) (against r)).
  Proof.
    intro h. assert (forall l, 0 <= sum (map (fun i => value (neuron_of i) x) l)) as pos.
    { induction l as [| j l IH]; simpl; [lra |]. pose proof (value_nonneg (neuron_of j) x). unfold sum in *. simpl.
      lra. }
    induction (against r) as [| j l IH]; [contradiction |]. simpl. pose proof (value_nonneg (neuron_of j) x).
    specialize (pos l).
    unfold sum in *. simpl. destruct h as [-> | h]; [lra |]. specialize (IH h). lra.
  Qed.
  (* T is at least every neuron at x *)
  Lemma rule_off_ball c x r : length x = length c -> dist x c <= delta ->
    (forall i, counted r = Some i -> value (neuron_of i) x <= T) -> rule_false c r -> J r x = 0.
  Proof.
    intros len near top f. unfold J. apply relu_neg. pose proof (sum_against_nonneg r x) as s.
    assert (0 <= T * sum (map (fun i => value (neuron_of i) x) (against r))) as ts by (apply Rmult_le_pos; lra).
    destruct f as [(i & e & f) | (i & m & f)].
    - rewrite e. destruct (literal_on_ball c x _ len near f) as [_ z]. rewrite opposite_twice in z. rewrite z. lra.
    - unfold false_on in f. rewrite opposite_twice in f. destruct (literal_on_ball c x _ len near f) as [v _].
      pose proof (sum_against_ge r x i m) as g.
      assert (T * (3 / 2) <= T * sum (map (fun i => value (neuron_of i) x) (against r))) by (apply Rmult_le_compat_l;
        lra).
      destruct (counted r) as [k |]; [specialize (top k eq_refl) |]; lra.
  Qed.
  Lemma rule_at_most_T r x : (forall i, counted r = Some i -> value (neuron_of i) x <= T) -> 0 <= J r x <= T.
  Proof.
    intro top. split; [apply relu_nonneg |]. unfold J. pose proof (sum_against_nonneg r x) as s.
    assert (0 <= T * sum (map (fun i => value (neuron_of i) x) (against r))) as ts by (apply Rmult_le_pos; lra).
    destruct (counted r) as [k |]; [specialize (top k eq_refl) |]; relu_split; lra.
  Qed.

  Lemma sum_says_nonneg W c x rs : (forall r, In r rs -> 0 <= W (level_of r) * J r x) ->
    0 <= sum (map (fun r => says W c r * J r x) rs).
  Proof.
    intro pos. induction rs as [| r l IH]; simpl; [lra |]. specialize (IH (fun q j => pos q (or_intror j))).
    pose proof (pos r (or_introl eq_refl)). unfold sum in *. simpl. unfold says at 1. destruct Nat.eqb; lra.
  Qed.

  (* ---- the sample: points with their classes, and the level at which each is covered, if any ---- *)
  Variable points : list (list R * nat).
  Variable covered : list R * nat -> option nat.
  Hypothesis dimension : forall s, In s points -> length (fst s) = d /\ (snd s < classes)%nat.
  Hypothesis greatest : forall s x i, In s points -> length x = d -> dist x (fst s) <= delta ->
    (i < length neurons)%nat ->
    value (neuron_of i) x <= T.
  Hypothesis covers : forall s, In s points -> match covered s with
    | Some l => exists r, In r rules /\ level_of r = l /\ class_of r = snd s /\ rule_true (fst s) r
    | None => snd s = default end.
  Hypothesis excluded : forall s r, In s points -> In r rules -> class_of r <> snd s ->
    match covered s with Some l => (level_of r <= l)%nat | None => True end -> rule_false (fst s) r.

  Section Weights.
    Variable W : nat -> R.
    Hypothesis W_nonneg : forall r, In r rules -> 0 <= W (level_of r).
    Variable most : list R * nat -> rule -> R.
    Hypothesis most_spec : forall s x r, In s points -> length x = d -> dist x (fst s) <= delta -> In r rules ->
      J r x <= most s r.
    Definition later (s : list R * nat) (l c : nat) : R :=
      sum (map (fun r => if (Nat.eqb (class_of r) c && Nat.ltb l (level_of r))%bool then W (level_of r) * most s r
        else 0) rules).
    Hypothesis heavy : forall s l c, In s points -> covered s = Some l -> c <> snd s ->
      later s l c + (if Nat.eqb c default then 1 / 2 else 0) + 1 / 2 <= W l.
    Notation output := (output default gamma T W neurons rules).

    Lemma rule_margin s x c : In s points -> length x = d -> dist x (fst s) <= delta -> c <> snd s ->
      output c x + 1 / 2 <= output (snd s) x.
    Proof.
      intros i len near other. destruct (dimension s i) as [dim _].
      assert (length x = length (fst s)) as same by congruence.
      assert (forall r, In r rules -> forall k, counted r = Some k -> value (neuron_of k) x <= T) as top.
      { intros r ir k e. apply (greatest s); try assumption. destruct (proj2 formed r ir) as [p _]. apply p, e. }
      assert (forall r, In r rules -> 0 <= W (level_of r) * J r x) as pos.
      { intros r ir. apply Rmult_le_pos; [apply W_nonneg, ir | apply rule_at_most_T, (top r ir)]. }
      assert (0 <= sum (map (fun r => says W (snd s) r * J r x) rules)) as own_pos.
      { apply sum_says_nonneg, pos. }
      pose proof (covers s i) as cov. pose proof (excluded s) as ex. unfold output.
      destruct (covered s) as [l |] eqn:e.
      - destruct cov as (own & io & lo & co & tr). pose proof (rule_on_ball (fst s) x own same near tr) as on.
        assert (W l <= sum (map (fun r => says W (snd s) r * J r x) rules)) as mine.
        { rewrite <- lo. pose proof (W_nonneg own io) as wo. clear - pos io co on wo.
          induction rules as [| r q IH]; [contradiction |]. simpl. unfold sum in *. simpl.
          pose proof (sum_says_nonneg W (snd s) x q (fun p j => pos p (or_intror j))) as rest. unfold sum in rest.
          destruct io as [-> | io].
          - unfold says at 1. rewrite co, PeanoNat.Nat.eqb_refl. nra.
          - specialize (IH (fun p j => pos p (or_intror j)) io). pose proof (pos r (or_introl eq_refl)).
            unfold says at 1. destruct Nat.eqb; lra. }
        assert (sum (map (fun r => says W c r * J r x) rules) <= later s l c) as theirs.
        { unfold later, says. assert (forall r, In r rules ->
          (if Nat.eqb (class_of r) c then W (level_of r) else 0) * J r x <=
            (if (Nat.eqb (class_of r) c && Nat.ltb l (level_of r))%bool then W (level_of r) * most s r else 0)) as each.
          { intros r ir. destruct (PeanoNat.Nat.eqb_spec (class_of r) c) as [ec | ne]; simpl; [| lra].
            destruct (PeanoNat.Nat.ltb_spec l (level_of r)) as [late | early].
            - apply Rmult_le_compat_l; [apply W_nonneg, ir | apply most_spec; assumption].
            - rewrite (rule_off_ball (fst s) x r same near (top r ir)); [lra |]. apply ex; try assumption. congruence. }
          clear - each. induction rules as [| r q IH]; simpl; [lra |]. pose proof (each r (or_introl eq_refl)).
          specialize (IH (fun p j => each p (or_intror j))). unfold sum in *. simpl. lra. }
        pose proof (heavy s l c i e other) as h. destruct (Nat.eqb (snd s) default); lra.
      - rewrite cov, PeanoNat.Nat.eqb_refl.
        destruct (PeanoNat.Nat.eqb_spec c default) as [ec | nc]; [exfalso; congruence |].
        assert (sum (map (fun r => says W c r * J r x) rules) = 0) as ->.
        { assert (forall r, In r rules -> says W c r * J r x = 0) as each.
          { intros r ir. unfold says. destruct (PeanoNat.Nat.eqb_spec (class_of r) c) as [ec | ne]; [| ring].
            rewrite (rule_off_ball (fst s) x r same near (top r ir)); [ring |]. apply ex; auto. congruence. }
          clear - each. induction rules as [| r q IH]; simpl; [reflexivity |]. unfold sum in *. simpl.
          rewrite (each r (or_introl eq_refl)), (IH (fun p j => each p (or_intror j))). ring. }
        rewrite <- cov. lra.
    Qed.

    Theorem rules_are_right s x c : In s points -> length x = d -> dist x (fst s) <= delta -> (c < classes)%nat ->
      c <> snd s ->
      let net := rule_network classes default gamma T W neurons rules in
      nth c (eval net x) 0 + 1 / 2 <= nth (snd s) (eval net x) 0.
    Proof.
      intros i len near lt other net. unfold net. rewrite rule_network_computes with (d := d) by exact formed.
      rewrite !nth_vec by (try apply dimension; assumption). apply rule_margin; assumption.
    Qed.
  End Weights.

  (* The weights exist: powers of 1 + T rules, from the last level on. *)
  Theorem corollary_3_4_i_rules : exists net,
    (nonzero net <= list_sum (map (fun l => nz_row (form l) + 1) neurons) +
      list_sum (map (fun r => literals r + 1) rules) + list_sum (map (fun r => if counted r then 0 else 1) rules) +
        1)%nat /\
    length net = 3%nat /\ fits d net /\
    forall s x c, In s points -> length x = d -> dist x (fst s) <= delta -> (c < classes)%nat -> c <> snd s ->
      nth c (eval net x) 0 + 1 / 2 <= nth (snd s) (eval net x) 0.
  Proof.
    set (last := list_max (map level_of rules)). set (q := 1 + T * INR (length rules)).
    set (W := fun l => q ^ (last - l)).
    assert (0 <= T * INR (length rules)) as tn by (apply Rmult_le_pos; [lra | apply pos_INR]).
    assert (forall k, 1 <= q ^ k) as one by (intro k; apply pow_R1_Rle; unfold q; lra).
    exists (rule_network classes default gamma T W neurons rules). split; [| split; [reflexivity | split]].
    - apply rule_network_nonzero.
    - apply rule_network_fits, formed.
    - intros s x c i len near lt other. apply (rules_are_right W) with (most := fun _ _ => T); try assumption.
      + intros r _. unfold W. specialize (one (last - level_of r)%nat). lra.
      + intros s' x' r i' len' near' ir. apply rule_at_most_T. intros k e. apply (greatest s'); try assumption.
        destruct (proj2 formed r ir) as [p _]. apply p, e.
      + intros s' l c' i' e other'. unfold later.
        assert (forall r, In r rules -> (level_of r <= last)%nat) as top.
        { intros r ir. pose proof (proj1 (list_max_le (map level_of rules) last) (le_n _)) as all.
          rewrite Forall_forall in all. apply all, in_map, ir. }
        assert (forall rs, (forall r, In r rs -> (level_of r <= last)%nat) ->
          sum (map (fun r => if (Nat.eqb (class_of r) c' && Nat.ltb l (level_of r))%bool then W (level_of r) * T else
            0) rs) <=
          if Nat.ltb l last then INR (length rs) * (q ^ (last - S l) * T) else 0) as all.
        { intro rs. induction rs as [| r rs IH]; intro h; [simpl; destruct Nat.ltb; lra |].
          specialize (IH (fun p j => h p (or_intror j))). pose proof (h r (or_introl eq_refl)) as lr.
          cbn [map length]. rewrite S_INR. unfold sum in *. cbn [fold_right]. specialize (one (last - S l)%nat) as o.
          assert (0 <= q ^ (last - S l) * T) by (apply Rmult_le_pos; lra).
          destruct (PeanoNat.Nat.ltb_spec l last) as [before | after], (Nat.eqb (class_of r) c'),
            (PeanoNat.Nat.ltb_spec l (level_of r)) as [late | early]; simpl andb; cbv iota; try lra; try lia.
          assert (W (level_of r) <= q ^ (last - S l)) by (apply Rle_pow; [unfold q; lra | lia]).
          assert (W (level_of r) * T <= q ^ (last - S l) * T) by (apply Rmult_le_compat_r; lra). lra. }
        specialize (all rules top).
        assert ((if Nat.ltb l last then INR (length rules) * (q ^ (last - S l) * T) else 0) + 1 <= W l).
        { unfold W. destruct (PeanoNat.Nat.ltb_spec l last) as [before | after].
          - replace (last - l)%nat with (S (last - S l)) by lia. simpl pow. specialize (one (last - S l)%nat).
            unfold q at 2. nra.
          - specialize (one (last - l)%nat). lra. }
        destruct (Nat.eqb c' default); lra.
  Qed.
End Robust.
