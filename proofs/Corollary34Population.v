(* Corollary 3.4 for a population. (iii), repaired: L_D^adv(f_hat) >= D(x in X_small, dist(x, S_small) >= 2 delta +
   gamma) >= mu - n s, mu = L_D^adv(f_clean), s >= D(X_small, dist(x, z) <= 2 delta + gamma) for all z; for every
   metric, the f_hat of Theorem 3.3 on any soft indicators, and every distribution. (ii), and the clean form of
   theorem-6.2: L_D^clean(f_hat) <= L_D^clean(f_clean) for the network of p = infinity with delta + gamma <= R. *)
From Coq Require Import Reals List Lra Classical.
Require Import Network Calculus Linf Memorizer Theorem33 Corollary34 Law Proposition32.
Import ListNotations.
Open Scope R_scope.

Section Ratio.
  Variable X : Type.
  Variable dist : X -> X -> R.
  Hypothesis dist_sym : forall x y, dist x y = dist y x.
  Hypothesis dist_triangle : forall x y z, dist x z <= dist x y + dist y z.
  Variable Omega : X -> Prop.
  Variables delta gamma M : R.
  Variable small : list (X * R).
  Variable f_clean : X -> R.
  Variable I : X -> X -> R.
  Hypothesis gamma_pos : 0 < gamma.
  Hypothesis inside : forall c x, Omega x -> dist x c <= delta -> I c x = 1.
  Hypothesis outside : forall c x, Omega x -> delta + gamma <= dist x c -> I c x = 0.
  Hypothesis range : forall c x, Omega x -> 0 <= I c x <= 1.
  Hypothesis bound : forall x, Omega x -> Rabs (f_clean x) <= M.
  Notation f_hat := (f_hat X small f_clean I M).

  Variable D : law (X * R).
  (* almost surely the box contains the ball of x *)
  Hypothesis balls_in_box : D (fun z => ~ forall u, dist u (fst z) <= delta -> Omega u) = 0.
  Notation X_small := (attacked X dist delta f_clean).
  Definition distant (z : X * R) : Prop := forall cy, In cy small -> 2 * delta + gamma <= dist (fst z) (fst cy).

  Lemma f_hat_alone u : Omega u -> (forall cy, In cy small -> delta + gamma <= dist u (fst cy)) -> f_hat u = f_clean u.
  Proof.
    intros box far. rewrite (f_hat_is_f_adv X dist Omega delta gamma small f_clean I M gamma_pos inside outside range
      bound u box).
    - apply ideal_alone. intros cy i. specialize (far cy i). lra.
    - intros cy i. right. apply far, i.
  Qed.

  Theorem corollary_3_4_iii s : (forall c, D (fun z => X_small z /\ dist (fst z) c <= 2 * delta + gamma) <= s) ->
    D (fun z => X_small z /\ distant z) <= adversarial_error X dist delta D f_hat /\
    adversarial_error X dist delta D f_clean - INR (length small) * s <= D (fun z => X_small z /\ distant z).
  Proof.
    intro most. split.
    - apply mass_almost with (1 := balls_in_box).
      intros z [(u & near & w) away]. destruct (classic (forall u, dist u (fst z) <= delta -> Omega u)) as [b | b];
        [left | right; exact b].
      exists u. split; [exact near |]. unfold wrong in *. rewrite f_hat_alone; [exact w | apply b, near |].
      intros cy i. specialize (away cy i). pose proof (dist_triangle (fst z) u (fst cy)).
      rewrite (dist_sym (fst z) u) in *. lra.
    - eapply Rle_trans; [| apply (mass_difference _ D X_small _ (fun z => exists cy, In cy small /\
        (X_small z /\ dist (fst z) (fst cy) <= 2 * delta + gamma)))].
      + unfold adversarial_error. apply Rplus_le_compat_l, Ropp_le_contravar.
        apply (mass_some _ D _ (fun cy z => X_small z /\ dist (fst z) (fst cy) <= 2 * delta + gamma)). auto.
      + intros z a. destruct (classic (exists cy, In cy small /\ dist (fst z) (fst cy) <=
        2 * delta + gamma)) as [(cy & i & b) | n].
        * right. exists cy. auto.
        * left. split; [exact a |]. intros cy i. apply Rlt_le, Rnot_le_lt. intro b. apply n. exists cy. auto.
  Qed.
End Ratio.

Section Clean.
  Variables (d : nat) (delta gamma M separation : R).
  Hypotheses (delta_nonneg : 0 <= delta) (gamma_pos : 0 < gamma) (shell_fits : delta + gamma <= separation).
  Variables S small : list (list R * R).
  Hypothesis memorized : forall s, In s small -> In s S.
  Hypothesis dimension : forall s, In s S -> length (fst s) = d.
  Hypothesis labels : forall s, In s S -> snd s = 1 \/ snd s = -1.
  Variable clean : list layer.
  Hypotheses (clean_nonempty : clean <> []) (clean_fits : fits d clean) (one_output : length (last clean []) = 1%nat).
  Variable f_clean : list R -> R.
  Hypothesis clean_computes : forall x, length x = d -> eval clean x = [f_clean x].
  Variable box : list R -> Prop.
  Hypothesis box_dimension : forall x, box x -> length x = d.
  Hypothesis bound : forall x, box x -> Rabs (f_clean x) <= M.
  Variable D : law (list R * R).
  (* almost surely x is in the box, y a label, and x at least R away from the training points of the other label *)
  Hypothesis separated : D (fun z => ~ (box (fst z) /\ is_label (snd z) /\
    forall s, In s S -> snd s <> snd z -> separation <= dist_inf (fst s) (fst z))) = 0.

  Theorem clean_error_no_larger :
    clean_error (list R) D (fun x => nth 0 (eval (memorizer d delta gamma M small clean) x) 0) <=
    clean_error (list R) D f_clean.
  Proof.
    unfold clean_error. apply mass_almost with (1 := separated). intros [z y] w. cbn [fst snd] in *.
      destruct (classic (wrong (list R) f_clean z y)) as [c | ok];
      [left; exact c | right]. intros (bz & lab & far). unfold wrong in *.
    assert (0 < y * f_clean z) as pos by (apply Rnot_le_lt; exact ok).
    pose proof (corollary_3_4_ii d delta gamma M separation delta_nonneg gamma_pos S small memorized dimension labels
      clean clean_nonempty clean_fits one_output f_clean clean_computes box box_dimension bound shell_fits z y bz lab
      pos far) as ok'. unfold right in ok'. lra.
  Qed.
End Clean.
