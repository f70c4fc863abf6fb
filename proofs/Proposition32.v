(* Proposition 3.2. (i), repaired: if training points of different labels are more than 2 delta apart and f_clean is
   right on the ball of every point of S_large, then L_S^adv(f_adv) = 0. (ii), as printed: if data within delta of a
   training point have its label and L_D^clean(f_clean) = 0, then L_D^clean(f_adv) = 0. (iii), repaired:
   L_D^adv(f_adv) >= D(x in X_small, dist(x, S_small) > 2 delta) >= mu - n s, mu = L_D^adv(f_clean), s >= D(X_small,
   dist(x, z) <= 2 delta) for all z. In every metric space, so for every norm, and every distribution. *)
From Coq Require Import Reals List Lra Classical.
Require Import Network Memorizer Law.
Import ListNotations.
Open Scope R_scope.

Section Ideal.
  Variable X : Type.
  Variable dist : X -> X -> R.
  Hypothesis dist_sym : forall x y, dist x y = dist y x.
  Hypothesis dist_triangle : forall x y z, dist x z <= dist x y + dist y z.
  Variable delta : R.
  Variable f_clean : X -> R.
  Variables S small : list (X * R).         (* S and S_small *)
  Hypothesis labels : forall s, In s S -> is_label (snd s).
  Hypothesis memorized : forall s, In s small -> In s S.
  Notation f_adv := (f_adv X dist delta small f_clean).
  Notation in_ball := (in_ball X dist delta).

  Lemma in_ball_true x cy : in_ball x cy = true <-> dist x (fst cy) <= delta.
  Proof. unfold Memorizer.in_ball. destruct Rle_dec; split; intro; try reflexivity; try assumption; try discriminate;
    contradiction. Qed.

  Lemma ideal_alone x : (forall cy, In cy small -> delta < dist x (fst cy)) -> f_adv x = f_clean x.
  Proof.
    intro far. unfold Memorizer.f_adv.
    assert (forall cy, In cy small -> in_ball x cy = false) as no.
    { intros cy i. destruct (in_ball x cy) eqn:e; [| reflexivity]. apply in_ball_true in e. specialize (far cy i).
      lra. }
    assert (existsb (in_ball x) small = false) as ->.
    { destruct (existsb (in_ball x) small) eqn:e; [| reflexivity].
      apply existsb_exists in e. destruct e as (cy & i & b). rewrite no in b by exact i. discriminate. }
    rewrite (map_ext_in _ (fun _ => 0)); [rewrite sum_of_zeros; simpl; ring |].
    intros cy i. rewrite no by exact i. simpl. ring.
  Qed.

  Lemma ideal_of_one_label x y : is_label y -> (forall cy, In cy small -> dist x (fst cy) <= delta -> snd cy = y) ->
    0 < y * f_clean x \/ (exists cy, In cy small /\ dist x (fst cy) <= delta) -> 0 < y * f_adv x.
  Proof.
    intros lab same enough. destruct (classic (exists cy, In cy small /\ dist x (fst cy) <=
      delta)) as [(c & i & b) | none].
    - unfold Memorizer.f_adv. assert (existsb (in_ball x) small = true) as ->.
      { apply existsb_exists. exists c. split; [exact i | apply in_ball_true, b]. }
      assert (sum (map (fun cy => snd cy * one (in_ball x cy)) small) = y * sum (map (fun cy => one (in_ball x cy))
        small)) as ->.
      { clear - same. induction small as [| cy l IH]; simpl; [ring |].
        rewrite IH by (intros; apply same; simpl; auto). destruct (in_ball x cy) eqn:e; simpl; [| ring].
        rewrite (same cy) by (simpl; auto; apply in_ball_true, e). ring. }
      assert (1 <= sum (map (fun cy => one (in_ball x cy)) small)).
      { replace 1 with (one (in_ball x c)) by (rewrite (proj2 (in_ball_true x c) b); reflexivity).
        apply sum_ge_one_term; [| apply (in_map (fun cy => one (in_ball x cy))), i].
        intros v j. apply in_map_iff in j. destruct j as (cy & <- & _). destruct (in_ball x cy); simpl; lra. }
      destruct lab as [-> | ->]; simpl; lra.
    - rewrite ideal_alone; [destruct enough as [r | r]; [exact r | contradiction] |].
      intros cy i. apply Rnot_le_lt. intro b. apply none. exists cy. auto.
  Qed.

  Theorem proposition_3_2_i :
    (forall s t, In s S -> In t S -> snd s <> snd t -> 2 * delta < dist (fst s) (fst t)) ->
    (forall s u, In s S -> ~ In s small -> dist u (fst s) <= delta -> 0 < snd s * f_clean u) ->
    adversarial_error X dist delta (uniform S) f_adv = 0.
  Proof.
    intros apart large. apply uniform_zero. intros s i (u & near & w). unfold wrong in w.
    assert (0 < snd s * f_adv u); [| lra]. apply ideal_of_one_label; [apply labels, i | |].
    - intros cy j b. destruct (Req_dec (snd cy) (snd s)) as [e | n]; [exact e | exfalso].
      pose proof (apart cy s (memorized cy j) i n). pose proof (dist_triangle (fst cy) u (fst s)).
      rewrite (dist_sym (fst cy) u) in *. lra.
    - destruct (classic (In s small)) as [m | m]; [right; exists s; auto | left; apply (large s); assumption].
  Qed.

  Section Population.
    Variable D : law (X * R).

    Theorem proposition_3_2_ii :
      (* almost surely y is a label and a training point within delta has the same *)
      D (fun z => ~ (is_label (snd z) /\ forall s, In s S -> dist (fst z) (fst s) <= delta -> snd s = snd z)) = 0 ->
      clean_error X D f_clean = 0 -> clean_error X D f_adv = 0.
    Proof.
      intros data clean. unfold clean_error in *. apply Rle_antisym; [| apply mass_nonneg].
      rewrite <- clean. apply mass_almost with (1 := data). intros [z y] w. simpl in *.
      destruct (classic (wrong X f_clean z y)) as [c | right_]; [left; exact c | right]. intros [lab same].
      unfold wrong in *. assert (0 < y * f_adv z); [| lra].
      apply ideal_of_one_label; [exact lab | intros; apply same; auto | left; lra].
    Qed.

    Definition far (r : R) (z : X * R) : Prop := forall cy, In cy small -> r < dist (fst z) (fst cy).

    Theorem proposition_3_2_iii s :
      (forall c, D (fun z => attacked X dist delta f_clean z /\ dist (fst z) c <= 2 * delta) <= s) ->
      D (fun z => attacked X dist delta f_clean z /\ far (2 * delta) z) <= adversarial_error X dist delta D f_adv /\
      adversarial_error X dist delta D f_clean - INR (length small) * s <=
        D (fun z => attacked X dist delta f_clean z /\ far (2 * delta) z).
    Proof.
      intro bound. split.
      - apply mass_monotone. intros [z y] [(u & near & w) away]. exists u. split; [exact near |].
        unfold wrong in *. rewrite ideal_alone; [exact w |]. intros cy i. specialize (away cy i).
        simpl in *. pose proof (dist_triangle z u (fst cy)). rewrite (dist_sym z u) in *. lra.
      - eapply Rle_trans; [| apply (mass_difference _ D (attacked X dist delta f_clean) _ (fun z => exists cy,
        In cy small /\
          (attacked X dist delta f_clean z /\ dist (fst z) (fst cy) <= 2 * delta)))].
        + unfold adversarial_error. apply Rplus_le_compat_l, Ropp_le_contravar.
          apply (mass_some _ D _ (fun cy z => attacked X dist delta f_clean z /\ dist (fst z) (fst cy) <= 2 * delta)).
            auto.
        + intros z a. destruct (classic (exists cy, In cy small /\ dist (fst z) (fst cy) <=
          2 * delta)) as [(cy & i & b) | n].
          * right. exists cy. auto.
          * left. split; [exact a |]. intros cy i. apply Rnot_le_lt. intro b. apply n. exists cy. auto.
    Qed.
  End Population.
End Ideal.
