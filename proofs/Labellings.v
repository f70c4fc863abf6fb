(* Counting labellings. There are 2^K labellings of K cubes; at most sum_{j <= a} C(K, j) of them differ from one
   pattern of signs in at most a places, and that is at most 2^(h(alpha) K) for a <= alpha K, 0 < alpha <= 1/2, h the
   binary entropy. So if Pi patterns occur, all labellings but Pi 2^(h(alpha) K) differ from every pattern in more
   than alpha K places. *)
From Coq Require Import Reals List Lra Lia Bool.
Import ListNotations.
Open Scope R_scope.

Fixpoint labellings (K : nat) : list (list bool) :=
  match K with O => [[]] | S k => map (cons true) (labellings k) ++ map (cons false) (labellings k) end.
Lemma labellings_length K : length (labellings K) = (2 ^ K)%nat.
Proof. induction K as [| K IH]; [reflexivity |]. simpl. rewrite app_length, !map_length, IH. lia. Qed.
Lemma in_labellings K y : In y (labellings K) <-> length y = K.
Proof.
  revert y; induction K as [| K IH]; intro y; simpl.
  - split; [intros [<- | []]; reflexivity | destruct y; [auto | discriminate]].
  - rewrite in_app_iff, !in_map_iff. split.
    + intros [(z & <- & i) | (z & <- & i)]; simpl; f_equal; apply IH, i.
    + destruct y as [| [|] y]; simpl; intro e; try discriminate; injection e as e; [left | right]; exists y;
        split; try reflexivity; apply IH, e.
Qed.

(* In how many places two words differ. *)
Fixpoint differ (y z : list bool) : nat :=
  match y, z with
  | a :: y', b :: z' => ((if Bool.eqb a b then 0 else 1) + differ y' z')%nat
  | _, _ => 0%nat
  end.

(* C(K, 0) + ... + C(K, a), by Pascal's rule *)
Fixpoint ball (K a : nat) : nat :=
  match K, a with
  | O, _ => 1%nat
  | S k, O => 1%nat
  | S k, S b => (ball k (S b) + ball k b)%nat
  end.
Lemma filter_app_length (A : Type) (p : A -> bool) l m :
  length (filter p (l ++ m)) = (length (filter p l) + length (filter p m))%nat.
Proof. rewrite filter_app. apply app_length. Qed.
Lemma filter_map_length (A B : Type) (f : A -> B) (p : B -> bool) l :
  length (filter p (map f l)) = length (filter (fun a => p (f a)) l).
Proof. induction l as [| a l IH]; simpl; [reflexivity |]. destruct (p (f a)); simpl; rewrite IH; reflexivity. Qed.

(* The labellings near a pattern. *)
Lemma near_pattern K : forall z a, length z = K ->
  length (filter (fun y => Nat.leb (differ z y) a) (labellings K)) = ball K a.
Proof.
  induction K as [| K IH]; intros [| b z] a e; try discriminate; [destruct a; reflexivity |]. injection e as e. simpl.
  rewrite filter_app_length, !filter_map_length. simpl.
  assert (length (filter (fun y => Nat.leb (differ z y) a) (labellings K)) = ball K a) as same by (apply IH, e).
  assert (length (filter (fun y => Nat.leb (S (differ z y)) a) (labellings K)) =
    match a with O => 0%nat | S c => ball K c end) as other.
  { destruct a as [| c]; [| apply (IH z c e)]. simpl. clear. induction (labellings K); simpl; auto. }
  destruct b; simpl in *; rewrite ?same, ?other; destruct a; simpl; try lia; destruct K; simpl; lia.
Qed.

(* Of all patterns. *)
Definition near_some (pats : list (list bool)) (a : nat) (y : list bool) : bool :=
  existsb (fun z => Nat.leb (differ z y) a) pats.
Lemma near_some_pattern K a pats : (forall z, In z pats -> length z = K) ->
  (length (filter (near_some pats a) (labellings K)) <= length pats * ball K a)%nat.
Proof.
  induction pats as [| z pats IH]; intro h; simpl.
  - induction (labellings K); simpl; auto.
  - specialize (IH (fun w i => h w (or_intror i))). pose proof (near_pattern K z a (h z (or_introl eq_refl))) as e.
    enough (length (filter (near_some (z :: pats) a) (labellings K)) <=
      length (filter (fun y => Nat.leb (differ z y) a) (labellings K)) +
      length (filter (near_some pats a) (labellings K)))%nat by lia.
    clear. induction (labellings K) as [| y l I]; simpl; [lia |].
    change (near_some (z :: pats) a y) with (Nat.leb (differ z y) a || near_some pats a y).
    destruct (Nat.leb (differ z y) a), (near_some pats a y); simpl; lia.
Qed.

(* ---- the entropy bound ---- *)
Section Entropy.
  Variable alpha : R.
  Hypothesis range : 0 < alpha <= 1 / 2.
  Definition log2 (t : R) : R := ln t / ln 2.
  Definition entropy : R := - alpha * log2 alpha - (1 - alpha) * log2 (1 - alpha).
  Notation r := (alpha / (1 - alpha)).

  Lemma ratio_range : 0 < r <= 1.
  Proof.
    split; [apply Rdiv_lt_0_compat; lra |]. apply Rmult_le_reg_r with (1 - alpha); [lra |]. unfold Rdiv.
    rewrite Rmult_assoc, Rinv_l by lra. lra.
  Qed.
  Lemma ball_weighed K : forall a, INR (ball K a) * (r ^ a * (1 - alpha) ^ K) <= 1.
  Proof.
    pose proof ratio_range as rr. assert (forall n, 0 <= r ^ n <= 1) as powers.
    { intro n. split; [apply pow_le; lra |]. apply Rle_trans with (1 ^ n); [apply pow_incr; lra | rewrite pow1; lra]. }
    induction K as [| K IH]; intro a.
    - pose proof (powers a). change (ball 0 a) with 1%nat. simpl (INR 1). simpl ((1 - alpha) ^ 0). lra.
    - destruct a as [| a].
      + assert (0 <= (1 - alpha) ^ S K <= 1); [| change (ball (S K) 0) with 1%nat; simpl (INR 1); simpl (r ^ 0); lra].
        split; [apply pow_le; lra |].
        apply Rle_trans with (1 ^ S K); [apply pow_incr; lra | rewrite pow1; lra].
      + change (ball (S K) (S a)) with (ball K (S a) + ball K a)%nat. rewrite plus_INR.
        pose proof (IH (S a)) as x. pose proof (IH a) as y.
        replace ((INR (ball K (S a)) + INR (ball K a)) * (r ^ S a * (1 - alpha) ^ S K)) with
          ((1 - alpha) * (INR (ball K (S a)) * (r ^ S a * (1 - alpha) ^ K)) +
           alpha * (INR (ball K a) * (r ^ a * (1 - alpha) ^ K))) by (simpl; field; lra).
        apply Rmult_le_compat_l with (r := 1 - alpha) in x; [| lra]. apply Rmult_le_compat_l with (r := alpha) in y;
          lra.
  Qed.

  Theorem ball_entropy K a : INR a <= alpha * INR K -> INR (ball K a) <= Rpower 2 (entropy * INR K).
  Proof.
    intro le. pose proof ratio_range as rr. pose proof (ball_weighed K a) as w.
    assert (0 < r ^ a * (1 - alpha) ^ K) as pos by (apply Rmult_lt_0_compat; apply pow_lt; lra).
    assert (/ (r ^ a * (1 - alpha) ^ K) <= Rpower 2 (entropy * INR K)) as e.
    { rewrite <- (Rpower_pow a r), <- (Rpower_pow K (1 - alpha)) by lra. unfold Rpower.
      rewrite <- exp_plus, <- exp_Ropp.
      assert (ln r = ln alpha - ln (1 - alpha)) as lr.
      { unfold Rdiv. rewrite ln_mult, ln_Rinv by (try apply Rinv_0_lt_compat; lra). ring. }
      assert (0 < ln 2) as l2 by (rewrite <- ln_1; apply ln_increasing; lra).
      assert (ln r <= 0) as neg.
      { destruct (Req_dec r 1) as [-> | n]; [rewrite ln_1; lra |]. rewrite <- ln_1. apply Rlt_le, ln_increasing; lra. }
      replace (entropy * INR K * ln 2) with (- (alpha * INR K * ln r + INR K * ln (1 - alpha)))
        by (unfold entropy, log2; rewrite lr; field; lra).
      match goal with |- exp ?u <= exp ?v => assert (u <= v) as [lt | ->] end; [nra | | lra].
      apply Rlt_le, exp_increasing, lt. }
    apply Rle_trans with (/ (r ^ a * (1 - alpha) ^ K)); [| exact e].
    apply Rmult_le_reg_r with (r ^ a * (1 - alpha) ^ K); [exact pos |]. rewrite Rinv_l by lra. exact w.
  Qed.
End Entropy.

(* The pigeon-hole step: with Pi <= 2^G patterns all labellings but a share of at most 2^(G - (1 - h) K) differ from
  each
   pattern in more than alpha K places; if G < (1 - h) K there is one. *)
Section Pigeonhole.
  Variables (alpha G : R) (K a : nat) (pats : list (list bool)).
  Hypotheses (range : 0 < alpha <= 1 / 2) (places : INR a <= alpha * INR K).
  Hypothesis lengths : forall z, In z pats -> length z = K.
  Hypothesis growth : INR (length pats) <= Rpower 2 G.

  Theorem few_labellings_near : INR (length (filter (near_some pats a) (labellings K))) <=
    Rpower 2 (G - (1 - entropy alpha) * INR K) * INR (length (labellings K)).
  Proof.
    eapply Rle_trans; [apply le_INR, near_some_pattern, lengths |]. rewrite mult_INR, labellings_length, pow_INR.
    replace (INR 2) with 2 by (simpl; lra). rewrite <- Rpower_pow by lra.
    replace (G - (1 - entropy alpha) * INR K) with (G + (entropy alpha * INR K + - INR K)) by ring.
    rewrite !Rpower_plus, Rpower_Ropp. pose proof (ball_entropy alpha range K a places).
      pose proof (pos_INR (ball K a)).
    assert (0 < Rpower 2 (INR K)) by apply exp_pos. assert (0 < Rpower 2 G) by apply exp_pos.
    replace (Rpower 2 G * (Rpower 2 (entropy alpha * INR K) * / Rpower 2 (INR K)) * Rpower 2 (INR K)) with
      (Rpower 2 G * Rpower 2 (entropy alpha * INR K)) by (field; lra).
    apply Rmult_le_compat; try assumption. apply pos_INR.
  Qed.

  Theorem some_labelling_far : G < (1 - entropy alpha) * INR K ->
    exists y, length y = K /\ forall z, In z pats -> (a < differ z y)%nat.
  Proof.
    intro small. assert (Rpower 2 (G - (1 - entropy alpha) * INR K) < 1) as less.
    { apply Rlt_le_trans with (Rpower 2 0); [apply Rpower_lt; lra | rewrite Rpower_O; lra]. }
    assert (0 < INR (length (labellings K))) as some.
    { rewrite labellings_length, pow_INR. apply pow_lt. simpl. lra. }
    pose proof few_labellings_near as few.
    assert (length (filter (near_some pats a) (labellings K)) < length (labellings K))%nat as fewer.
    { apply INR_lt. eapply Rle_lt_trans; [exact few |].
      apply Rlt_le_trans with (1 * INR (length (labellings K))); [apply Rmult_lt_compat_r; assumption | lra]. }
    assert (exists y, In y (labellings K) /\ near_some pats a y = false) as (y & i & n).
    { revert fewer. clear. induction (labellings K) as [| y l I]; simpl; intro h; [lia |].
      destruct (near_some pats a y) eqn:e; [| exists y; auto]. simpl in h.
      destruct I as (z & i & n); [lia |]. exists z. auto. }
    exists y. split; [apply in_labellings, i |]. intros z j. apply Nat.nle_gt. intro le.
    assert (near_some pats a y = true); [| congruence]. apply existsb_exists. exists z.
    split; [exact j | apply Nat.leb_le, le].
  Qed.
End Pigeonhole.
