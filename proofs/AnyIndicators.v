(* Theorem 3.3 and Corollary 3.4, repaired, from any layers that compute soft indicators of the memorized points on the
   box: there is a strict ReLU network with nonzero(f_hat) <= nonzero(indicators) + n + 2 nonzero(f_clean) + 2
   depth(f_hat) + 23 that equals f_adv on the box off the shells; for 0 < gamma <= R - 2 delta it errs on no training
   ball, and nowhere where f_clean is right off the wider balls of the other label. The norms need their own indicators
   only. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Memorizer Assembled ByClass.
Import ListNotations.
Open Scope R_scope.

Definition labelled (d : nat) (points : list (list R * R)) : Prop :=
  forall s, In s points -> length (fst s) = d /\ (snd s = 1 \/ snd s = -1).

(* A strict ReLU network R^d -> R that computes f. *)
Record classifier (d : nat) (net : list layer) (f : list R -> R) : Prop := {
  some_layers : net <> [];
  rows_fit : fits d net;
  one_output : length (last net []) = 1%nat;
  computes : forall x, length x = d -> eval net x = [f x] }.

(* The sample S with its memorized part: labels at least R apart, balls in the box, and f_clean right on the whole
   ball of
   each point that is not memorized. *)
Record sample (dist : list R -> list R -> R) (d : nat) (delta separation : R) (box : list R -> Prop)
    (f_clean : list R -> R) (small S : list (list R * R)) : Prop := {
  sample_labelled : labelled d S;
  small_in_sample : forall s, In s small -> In s S;
  separated : forall s t, In s S -> In t S -> snd s <> snd t -> separation <= dist (fst s) (fst t);
  balls_in_box : forall s x, In s S -> length x = d -> dist x (fst s) <= delta -> box x;
  large_margin : forall s x, In s S -> length x = d -> dist x (fst s) <= delta ->
    In s small \/ 0 < snd s * f_clean x }.

Section Conclusions.
  Variables (dist : list R -> list R -> R) (d : nat) (delta gamma : R) (box : list R -> Prop) (f_clean : list R -> R).
  Variables (small : list (list R * R)) (net : list layer).

  (* Theorem 3.3: f_hat = f_adv on the box off the shells. *)
  Definition represents_f_adv : Prop := forall x, length x = d -> box x ->
    off_shells (list R) dist delta gamma small x -> eval net x = [f_adv (list R) dist delta small f_clean x].

  (* Corollary 3.4: (i) no error on any training ball, and margin 1 on those of the memorized points, for every sample
     with gamma <= R - 2 delta; (ii) none where f_clean is right, off the wider balls of the other label. *)
  Definition memorizes_robustly : Prop :=
    (forall S separation, gamma <= separation - 2 * delta -> sample dist d delta separation box f_clean small S ->
      forall s x, In s S -> length x = d -> dist x (fst s) <= delta ->
        0 < snd s * nth 0 (eval net x) 0 /\ (In s small -> 1 <= snd s * nth 0 (eval net x) 0)) /\
    (forall z y, length z = d -> box z -> (y = 1 \/ y = -1) -> 0 < y * f_clean z ->
      (forall cy, In cy small -> snd cy <> y -> delta + gamma <= dist z (fst cy)) -> 0 < y * nth 0 (eval net z) 0).
End Conclusions.

Section AnyIndicators.
  Variable dist : list R -> list R -> R.
  Hypothesis sym : forall x y, dist x y = dist y x.
  Hypothesis triangle : forall x y z, length x = length y -> length y = length z -> dist x z <= dist x y + dist y z.
  Variables (d : nat) (delta gamma M : R).
  Hypothesis gamma_pos : 0 < gamma.
  Variable small : list (list R * R).
  Hypothesis small_labelled : labelled d small.
  Variables (clean : list layer) (f_clean : list R -> R).
  Hypothesis clean_classifies : classifier d clean f_clean.
  Variable box : list R -> Prop.
  Hypothesis bound : forall x, length x = d -> box x -> Rabs (f_clean x) <= M.
  (* layers whose outputs, behind a ReLU, are the soft indicators *)
  Variable I : list R -> list R -> R.
  Variable features : list layer.
  Hypotheses (features_nonempty : features <> []) (features_fit : fits d features)
    (features_width : length (last features []) = length small).
  Hypothesis features_compute : forall x, length x = d -> box x ->
    map relu (eval features x) = map (fun cy => I (fst cy) x) small.
  Hypothesis inside : forall cy x, In cy small -> length x = d -> box x -> dist x (fst cy) <= delta -> I (fst cy) x = 1.
  Hypothesis outside : forall cy x, In cy small -> length x = d -> box x -> delta + gamma <= dist x (fst cy) ->
    I (fst cy) x = 0.
  Hypothesis at_most_one : forall cy x, In cy small -> length x = d -> box x -> I (fst cy) x <= 1.

  Notation Omega := (fun x => length x = d /\ box x).
  (* An indicator of every point: of those that are not memorized the sharp one. *)
  Definition total_indicator (c x : list R) : R :=
    if in_dec (list_eq_dec Req_EM_T) c (map fst small) then relu (I c x) else if Rle_dec (dist x c) delta then 1 else 0.

  Lemma I_nonneg cy x : In cy small -> length x = d -> box x -> 0 <= I (fst cy) x.
  Proof.
    intros i len b. assert (In (I (fst cy) x) (map relu (eval features x))) as m.
    { rewrite features_compute by assumption. exact (in_map (fun cy => I (fst cy) x) small cy i). }
    apply in_map_iff in m. destruct m as (a & <- & _). apply relu_nonneg.
  Qed.
  Lemma total_inside c x : Omega x -> dist x c <= delta -> total_indicator c x = 1.
  Proof.
    intros [len b] near. unfold total_indicator. destruct in_dec as [i | n].
    - apply in_map_iff in i. destruct i as (cy & <- & i). rewrite inside by assumption. apply relu_pos. lra.
    - destruct Rle_dec; [reflexivity | contradiction].
  Qed.
  Lemma total_outside c x : Omega x -> delta + gamma <= dist x c -> total_indicator c x = 0.
  Proof.
    intros [len b] far. unfold total_indicator. destruct in_dec as [i | n].
    - apply in_map_iff in i. destruct i as (cy & <- & i). rewrite outside by assumption. apply relu_pos. lra.
    - destruct Rle_dec; [lra | reflexivity].
  Qed.
  Lemma total_range c x : Omega x -> 0 <= total_indicator c x <= 1.
  Proof.
    intros [len b]. unfold total_indicator. destruct in_dec as [i | n]; [| destruct Rle_dec; lra].
    apply in_map_iff in i. destruct i as (cy & <- & i). pose proof (I_nonneg cy x i len b).
    rewrite relu_pos by assumption. split; [assumption | apply at_most_one; assumption].
  Qed.
  Lemma total_computed x : length x = d -> box x ->
    map relu (eval features x) = map (fun cy => total_indicator (fst cy) x) small.
  Proof.
    intros len b. rewrite features_compute by assumption. apply map_ext_in. intros cy i. unfold total_indicator.
    destruct in_dec as [_ | n]; [symmetry; apply relu_pos, I_nonneg; assumption |].
    exfalso. apply n. apply in_map, i.
  Qed.

  Notation f_hat := (f_hat (list R) small f_clean total_indicator M).
  Notation net := (by_class M small features clean).

  Lemma net_computes x : length x = d -> box x -> eval net x = [f_hat x].
  Proof.
    intros len b. destruct clean_classifies as [some rows one comp].
    apply by_class_computes with (d := d) (box := box); try assumption.
    - intros cy i. apply small_labelled, i.
    - intros c z. unfold total_indicator. destruct in_dec; [apply relu_nonneg | destruct Rle_dec; lra].
    - exact total_computed.
    - pose proof (bound x len b). pose proof (Rabs_pos (f_clean x)). lra.
  Qed.

  Theorem memorizer_of_indicators : exists net,
    (nonzero net <= nonzero features + length small + 2 * nonzero clean + 2 * length net + 23)%nat /\
    length net = (Nat.max (length clean) (length features + 1) + 4)%nat /\ fits d net /\
    represents_f_adv dist d delta gamma box f_clean small net /\
    memorizes_robustly dist d delta gamma box f_clean small net.
  Proof.
    destruct clean_classifies as [some rows one comp].
    assert (forall cy, In cy small -> snd cy = 1 \/ snd cy = -1) as labs by (intros cy i; apply small_labelled, i).
    exists net. split; [| split; [| split; [| split; [| split]]]].
    - apply by_class_size; assumption.
    - eapply by_class_length; eassumption.
    - apply by_class_fits with (I := I) (box := box); assumption.
    - intros x len b off. rewrite net_computes by assumption. f_equal.
      apply f_hat_is_f_adv with (gamma := gamma) (Omega := Omega); try assumption.
      + exact total_inside.
      + exact total_outside.
      + exact total_range.
      + intros z [lz bz]. apply bound; assumption.
      + split; assumption.
    - intros S separation fit [lab mem sep balls large] s x i len near.
      assert (box x) as b by (apply (balls s x); assumption). rewrite net_computes by assumption. simpl nth.
      assert (forall z, Omega z -> Rabs (f_clean z) <= M) as top by (intros z [lz bz]; apply bound; assumption).
      assert (forall t, In t S -> is_label (snd t)) as labels by (intros t j; apply lab, j).
      assert (forall u v z, In u S -> In v S -> Omega z ->
        dist (fst u) (fst v) <= dist (fst u) z + dist z (fst v)) as tri.
      { intros u v z iu iv [lz bz]. apply triangle; [rewrite (proj1 (lab u iu)) | rewrite (proj1 (lab v iv))]; auto. }
      assert (forall t z, In t S -> length z = d -> dist z (fst t) <= delta -> Omega z) as into.
      { intros t z j lz nz. split; [exact lz | exact (balls t z j lz nz)]. }
      split.
      + apply Rnot_le_lt. intro w.
        apply (no_adversarial_training_error (list R) dist Omega delta gamma small f_clean total_indicator M
          total_inside total_outside total_range top S separation labels mem sep fit sym tri (fun x => length x =
            d) into
          large s i).
        exists x. repeat split; assumption.
      + intro k. apply (memorized_margin (list R) dist Omega delta gamma small f_clean total_indicator M
          total_inside total_outside total_range top S separation labels mem sep fit sym tri (fun x => length x =
            d) into
          s x k); assumption.
    - intros z y len b lab right far. rewrite net_computes by assumption. simpl nth. apply Rnot_le_lt. intro w.
      apply (no_clean_error (list R) dist Omega delta gamma small f_clean total_indicator M) with (z := z) (y := y);
        try assumption.
      + exact total_outside.
      + exact total_range.
      + intros x [lx bx]. apply bound; assumption.
      + split; assumption.
  Qed.
End AnyIndicators.
