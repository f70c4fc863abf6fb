(* Proposition 6.4 as printed is false: L(x) = 1 + a sin(x/a), D any law on [0, 1] with a C^1 density rho. The left side
   is at most 2a, and E|L'| at least 1/4 for small a: so for no c > 0 and no delta > 0 is the left side >= c delta E|L'|
   for all these smooth losses, which are non-negative. *)
From Coq Require Import Reals Lra.
From Coquelicot Require Import Coquelicot.
Open Scope R_scope.

Section Witness.
  Variables a delta : R.
  Hypotheses (a_range : 0 < a <= 1) (delta_pos : 0 < delta).

  Definition L (x : R) : R := 1 + a * sin (x / a).
  Definition dL (x : R) : R := cos (x / a).
  (* adv x is the maximum of L over the ball around x. *)
  Variable adv : R -> R.
  Hypothesis adv_is_sup : forall x, is_lub (fun v => exists xi, Rabs xi <= delta /\ v = L (x + xi)) (adv x).

  Lemma L_nonneg x : 0 <= L x.
  Proof. unfold L. pose proof (SIN_bound (x / a)). nra. Qed.

  Lemma L_derivative x : is_derive L x (dL x).
  Proof. unfold L, dL. auto_derive; [lra |]. unfold Rdiv. field. lra. Qed.

  Lemma L_lipschitz x y : L x <= L y + Rabs (x - y).
  Proof.
    destruct (MVT_gen L y x dL) as (c & _ & e).
    - intros t _. apply L_derivative.
    - intros t _. apply continuity_pt_filterlim. apply (ex_derive_continuous L). exists (dL t). apply L_derivative.
    - unfold dL in e. pose proof (COS_bound (c / a)). unfold Rabs. destruct Rcase_abs; nra.
  Qed.

  Lemma adv_lipschitz x y : adv x <= adv y + Rabs (x - y).
  Proof.
    apply (adv_is_sup x). intros v (xi & ball & ->). destruct (adv_is_sup y) as [upper _].
    pose proof (upper (L (y + xi)) (ex_intro _ xi (conj ball eq_refl))).
    pose proof (L_lipschitz (x + xi) (y + xi)) as l. replace (x + xi - (y + xi)) with (x - y) in l by ring. lra.
  Qed.

  Lemma adv_continuous x : continuous adv x.
  Proof.
    apply continuity_pt_filterlim. intros eps pos. exists eps. split; [exact pos |]. intros y [_ near]. simpl in *.
    unfold R_dist in *.
    pose proof (adv_lipschitz x y). pose proof (adv_lipschitz y x). rewrite Rabs_minus_sym in H.
    unfold Rabs in *. repeat destruct Rcase_abs; lra.
  Qed.

  Lemma L_continuous x : continuous L x.
  Proof. apply (ex_derive_continuous L). exists (dL x). apply L_derivative. Qed.

  (* the law of the data *)
  Variables rho drho : R -> R.
  Hypothesis rho_derivative : forall x, is_derive rho x (drho x).
  Hypothesis drho_continuous : forall x, continuous drho x.
  Hypothesis rho_nonneg : forall x, 0 <= rho x.
  Hypothesis rho_mass : is_RInt rho 0 1 1.

  Lemma rho_continuous (x : R) : continuous rho x.
  Proof. apply (ex_derive_continuous rho). exists (drho x). apply rho_derivative. Qed.

  Lemma integrable (f : R -> R) : (forall x, continuous f x) -> ex_RInt f 0 1.
  Proof. intro c. apply (ex_RInt_continuous (V := R_CompleteNormedModule)). intros x _. apply c. Qed.

  Theorem gap_small : RInt (fun x => rho x * (adv x - L x)) 0 1 <= 2 * a.
  Proof.
    replace (2 * a) with (RInt (fun x => scal (2 * a) (rho x)) 0 1).
    2: { rewrite (RInt_scal rho) by (eexists; exact rho_mass). rewrite (is_RInt_unique _ _ _ _ rho_mass).
         unfold scal; simpl; unfold mult; simpl. ring. }
    apply RInt_le; [lra | | |].
    - apply integrable. intro x. apply (continuous_mult rho); [apply rho_continuous |].
      apply (continuous_minus adv L); [apply adv_continuous | apply L_continuous].
    - apply (ex_RInt_scal rho). eexists. exact rho_mass.
    - intros x _. assert (adv x <= 1 + a).
      { apply (adv_is_sup x). intros v (xi & _ & ->). unfold L. pose proof (SIN_bound ((x + xi) / a)). nra. }
      unfold scal; simpl; unfold mult; simpl. rewrite Rmult_comm. apply Rmult_le_compat_r; [apply rho_nonneg |].
      unfold L. pose proof (SIN_bound (x / a)). nra.
  Qed.

  Lemma dL_continuous x : continuous dL x.
  Proof. apply (ex_derive_continuous dL). unfold dL. auto_derive. lra. Qed.

  (* rho |cos| >= rho cos^2 = rho / 2 + (rho (a/4) sin(2 x / a))' - rho' (a/4) sin(2 x / a) *)
  Definition variation : R := RInt (fun x => Rabs (drho x)) 0 1.
  Theorem flatness_large : 1 / 2 - a / 4 * (variation + rho 1) <= RInt (fun x => rho x * Rabs (dL x)) 0 1.
  Proof.
    set (F := fun x => rho x * (a / 4 * sin (2 * (x / a)))).
    set (dF := fun x => drho x * (a / 4 * sin (2 * (x / a))) + rho x * (cos (2 * (x / a)) / 2)).
    assert (forall x, continuous (fun x => a / 4 * sin (2 * (x / a))) x) as sin_continuous
      by (intro x; apply (ex_derive_continuous (fun x => a / 4 * sin (2 * (x / a)))); auto_derive; lra).
    assert (forall x, continuous (fun x => cos (2 * (x / a)) / 2) x) as cos_continuous
      by (intro x; apply (ex_derive_continuous (fun x => cos (2 * (x / a)) / 2)); auto_derive; lra).
    assert (is_RInt dF 0 1 (minus (F 1) (F 0))) as parts.
    { apply (is_RInt_derive F).
      - intros x _. unfold F, dF. apply (is_derive_mult rho (fun x => a / 4 * sin (2 * (x / a))));
        [apply rho_derivative | |].
        + auto_derive; [lra |]. unfold Rdiv. field. lra.
        + intros n m. apply Rmult_comm.
      - intros x _. unfold dF. apply (continuous_plus (fun x => drho x * (a / 4 * sin (2 * (x / a))))).
        + apply (continuous_mult drho); [apply drho_continuous | apply sin_continuous].
        + apply (continuous_mult rho); [apply rho_continuous | apply cos_continuous]. }
    assert (is_RInt (fun x => Rabs (drho x)) 0 1 variation) as var.
    { apply (RInt_correct (V := R_CompleteNormedModule)), integrable. intro x.
      apply (continuous_comp drho Rabs); [apply drho_continuous | apply continuous_Rabs]. }
    pose proof (is_RInt_plus _ _ _ _ _ _ (is_RInt_scal _ _ _ (1 / 2) _ rho_mass)
      (is_RInt_minus _ _ _ _ _ _ parts (is_RInt_scal _ _ _ (a / 4) _ var))) as lower.
    pose proof (is_RInt_unique _ _ _ _ lower) as value.
    eapply Rle_trans; [| apply RInt_le with (1 := Rle_0_1) (2 := ex_intro _ _ lower)]; [rewrite value | |].
    - unfold F, minus, plus, opp, scal; simpl; unfold mult; simpl.
      replace (2 * (0 / a)) with 0 by (field; lra). rewrite sin_0. pose proof (SIN_bound (2 * (1 / a))).
      assert (0 <= rho 1 * (a / 4)) by (apply Rmult_le_pos; [apply rho_nonneg | lra]).
      assert (- (rho 1 * (a / 4)) <= rho 1 * (a / 4) * sin (2 * (1 / a))) by nra. lra.
    - apply integrable. intro x. apply (continuous_mult rho); [apply rho_continuous |].
      apply (continuous_comp dL Rabs); [apply dL_continuous | apply continuous_Rabs].
    - intros x _. unfold dF, dL, minus, plus, opp, scal; simpl; unfold mult; simpl.
      assert (cos (2 * (x / a)) = 2 * cos (x / a) * cos (x / a) - 1) as e by apply cos_2a_cos. rewrite e.
      pose proof (COS_bound (x / a)). pose proof (SIN_bound (2 * (x / a))). pose proof (rho_nonneg x).
      assert (cos (x / a) * cos (x / a) <= Rabs (cos (x / a))) by (unfold Rabs; destruct Rcase_abs; nra).
      assert (drho x * (a / 4 * sin (2 * (x / a))) <= a / 4 * Rabs (drho x)).
      { replace (drho x * (a / 4 * sin (2 * (x / a)))) with (a / 4 * (drho x * sin (2 * (x / a)))) by ring.
        apply Rmult_le_compat_l; [lra |]. eapply Rle_trans; [apply Rle_abs |]. rewrite Rabs_mult.
        rewrite <- (Rmult_1_r (Rabs (drho x))) at 2. apply Rmult_le_compat_l; [apply Rabs_pos |].
        apply Rabs_le. lra. }
      assert (rho x * (cos (x / a) * cos (x / a)) <= rho x * Rabs (cos (x / a))) by (apply Rmult_le_compat_l;
        assumption).
      lra.
  Qed.
End Witness.

Theorem printed_proposition_6_4_fails rho drho c delta :
  (forall x, is_derive rho x (drho x)) -> (forall x, continuous drho x) -> (forall x, 0 <= rho x) ->
    is_RInt rho 0 1 1 ->
  0 < c -> 0 < delta -> exists a, 0 < a <= 1 /\ (forall x, 0 <= L a x) /\ (forall x, is_derive (L a) x (dL a x)) /\
  forall adv, (forall x, is_lub (fun v => exists xi, Rabs xi <= delta /\ v = L a (x + xi)) (adv x)) ->
    RInt (fun x => rho x * (adv x - L a x)) 0 1 < c * (delta * RInt (fun x => rho x * Rabs (dL a x)) 0 1).
Proof.
  intros der cont nonneg mass cp dp. assert (0 < c * delta) as p by (apply Rmult_lt_0_compat; assumption).
  set (K := variation drho + rho 1).
  assert (0 <= K) as Kp.
  { pose proof (nonneg 1). enough (0 <= variation drho) by (unfold K; lra). apply RInt_ge_0; [lra | |].
    - apply integrable. intro x. apply (continuous_comp drho Rabs); [apply cont | apply continuous_Rabs].
    - intros x _. apply Rabs_pos. }
  set (a := Rmin (1 / (K + 1)) (c * delta / 16)). exists a.
  assert (0 < 1 / (K + 1)) by (apply Rdiv_lt_0_compat; lra).
  assert (0 < a) as ap by (apply Rmin_pos; lra).
  assert (a <= 1 / (K + 1)) as small by apply Rmin_l. assert (a <= c * delta / 16) by apply Rmin_r.
  assert (a * (K + 1) <= 1).
  { apply Rmult_le_compat_r with (r := K + 1) in small; [| lra]. unfold Rdiv in small.
    rewrite Rmult_assoc, Rinv_l in small by lra. lra. }
  assert (0 < a <= 1) as range by nra. split; [exact range |].
  split; [intro x; apply L_nonneg; exact range | split; [intro x; apply L_derivative; exact range |]].
  intros adv sup. pose proof (gap_small a delta range adv sup rho drho der nonneg mass).
  pose proof (flatness_large a range rho drho der cont nonneg mass). fold K in H3. nra.
Qed.
