(* The loss that refutes theorem-6.3: L is 0 within delta of the sample in l_inf, 1 beyond 2 delta, a ramp between.
   For D with a density <= kappa and every sample of N points the robust gap is >= 1 - kappa N (4 delta)^d, and the
   global flatness, E max ||grad L||_1 over ||xi|| <= delta, where there is a gradient, <= kappa N (6 delta)^d /
   delta. The density is used as D(||x - z|| <= r) <= kappa (2 r)^d; E has E(c 1_A) = c D(A), and is monotone on
   bounded functions >= 0: with unbounded ones too there would be no such E. *)
From Coq Require Import Reals List Lra Lia.
From Coquelicot Require Import Coquelicot.
Require Import Network Linf Vectors Memorizer Law.
Import ListNotations.
Open Scope R_scope.

Lemma dist_inf_add x v : length v = length x -> dist_inf (add x v) x = norm_inf v.
Proof.
  unfold norm_inf. revert v; induction x as [| a x IH]; intros [| b v] e; try discriminate; [reflexivity |].
  injection e as e. simpl. rewrite (IH v e). f_equal. f_equal. ring.
Qed.
(* a derivative is at most the greatest slope to the right *)
Lemma derivative_below phi l K : (forall t, 0 < t -> phi t - phi 0 <= K * t) -> is_derive phi 0 l -> l <= K.
Proof.
  intros lip der. apply Rnot_lt_le. intro more. apply is_derive_Reals in der.
  destruct (der (l - K) ltac:(lra)) as ([a ap] & h). simpl in h.
  specialize (h (a / 2) ltac:(lra) ltac:(rewrite Rabs_pos_eq; lra)). rewrite Rplus_0_l in h.
  specialize (lip (a / 2) ltac:(lra)). assert ((phi (a / 2) - phi 0) / (a / 2) <= K).
  { apply Rmult_le_reg_r with (a / 2); [lra |]. unfold Rdiv at 1. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
    exact lip. }
  unfold Rabs in h. destruct Rcase_abs in h; lra.
Qed.

Section Ramp.
  Variables (d : nat) (delta : R).
  Hypothesis delta_pos : 0 < delta.
  Variable S : list (list R).
  Hypothesis dimension : forall z, In z S -> length z = d.

  (* the distance to the sample, at most 3 delta *)
  Definition to_sample (x : list R) : R := fold_right (fun z m => Rmin (dist_inf x z) m) (3 * delta) S.
  Definition ramp (t : R) : R := Rmin 1 (Rmax 0 (t / delta - 1)).
  Definition L (x : list R) : R := ramp (to_sample x).

  Lemma to_sample_le x z : In z S -> to_sample x <= dist_inf x z.
  Proof.
    unfold to_sample. clear. induction S as [| w l IH]; simpl; [contradiction |]. intros [-> | i]; [apply Rmin_l |].
    eapply Rle_trans; [apply Rmin_r | apply IH, i].
  Qed.
  Lemma to_sample_ge x r : r <= 3 * delta -> (forall z, In z S -> r <= dist_inf x z) -> r <= to_sample x.
  Proof.
    unfold to_sample. intro small. clear - small. induction S as [| w l IH]; simpl; intro h; [exact small |].
    apply Rmin_glb; [apply h; auto | apply IH; intros; apply h; auto].
  Qed.
  Lemma to_sample_lipschitz x u : length x = d -> length u = d -> to_sample x <= to_sample u + dist_inf x u.
  Proof.
    intros lx lu. unfold to_sample. clear - lx lu dimension. pose proof (excess_nonneg 0 x u).
    assert (0 <= dist_inf x u) as pos.
    { clear. revert u; induction x as [| a x IH]; intros [| b u]; simpl; try lra.
      eapply Rle_trans; [apply (IH u) | apply Rmax_r]. }
    induction S as [| w l IH]; simpl; [lra |]. specialize (IH (fun z i => dimension z (or_intror i))).
    pose proof (dist_inf_triangle x u w ltac:(congruence) ltac:(rewrite lu; symmetry; apply dimension; left;
      reflexivity)).
    unfold Rmin in *. repeat destruct Rle_dec; lra.
  Qed.
  Lemma ramp_range t : 0 <= ramp t <= 1.
  Proof. unfold ramp. split; [apply Rmin_glb; [lra | apply Rmax_l] | apply Rmin_l]. Qed.
  Lemma ramp_lipschitz s t : Rabs (ramp s - ramp t) <= / delta * Rabs (s - t).
  Proof.
    assert (0 < / delta) as ip by (apply Rinv_0_lt_compat; lra).
    rewrite <- (Rabs_pos_eq (/ delta)), <- Rabs_mult by lra.
    replace (/ delta * (s - t)) with (s / delta - t / delta) by (unfold Rdiv; ring). unfold ramp.
    generalize (s / delta) (t / delta). intros a b. unfold Rmin, Rmax, Rabs. repeat destruct Rle_dec;
      repeat destruct Rcase_abs; lra.
  Qed.
  Lemma ramp_zero t : t <= delta -> ramp t = 0.
  Proof.
    intro h. unfold ramp. assert (t / delta <= 1).
    { apply Rmult_le_reg_r with delta; [lra |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l; lra. }
    rewrite Rmax_left, Rmin_right; lra.
  Qed.
  Lemma ramp_one t : 2 * delta <= t -> ramp t = 1.
  Proof.
    intro h. unfold ramp. assert (2 <= t / delta).
    { apply Rmult_le_reg_r with delta; [lra |]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l; lra. }
    rewrite Rmax_right, Rmin_left; lra.
  Qed.

  Lemma along u v t : length u = d -> length v = d -> norm_inf v <= 1 ->
    Rabs (to_sample (add u (scale t v)) - to_sample u) <= Rabs t.
  Proof.
    intros lu lv unit. pose proof (add_length d u (scale t v) lu (scale_length d t v lv)) as la.
    pose proof (dist_inf_add u (scale t v) ltac:(rewrite (scale_length d t v lv); congruence)) as e.
    rewrite norm_inf_scale in e. pose proof (to_sample_lipschitz _ _ la lu) as a.
      pose proof (to_sample_lipschitz _ _ lu la) as b.
    rewrite (dist_inf_sym u) in b. pose proof (Rabs_pos t). assert (Rabs t * norm_inf v <= Rabs t) by nra.
    unfold Rabs at 1. destruct Rcase_abs; lra.
  Qed.
  Lemma slope_in_direction u g K : length u = d -> length g = d -> gradient L u g ->
    (forall v t, length v = d -> norm_inf v <= 1 -> 0 < t -> L (add u (scale t v)) - L u <= K * t) -> norm1 g <= K.
  Proof.
    intros lu lg grad lip. pose proof (steepest_length d 1 g lg) as ls. pose proof (steepest_in_ball 1 g ltac:(lra)) as
      sb.
    replace (norm1 g) with (dot g (steepest 1 g)) by (rewrite dot_steepest; ring).
    apply derivative_below with (phi := fun t => L (add u (scale t (steepest 1 g)))).
    - intros t pos. rewrite (add_zero u) by congruence. apply lip; assumption.
    - apply grad. congruence.
  Qed.
  Theorem gradient_bounded u g : length u = d -> length g = d -> gradient L u g -> norm1 g <= / delta.
  Proof.
    intros lu lg grad. apply (slope_in_direction u g (/ delta)); try assumption. intros v t lv unit pos.
    eapply Rle_trans; [apply Rle_abs |]. eapply Rle_trans; [apply ramp_lipschitz |].
    apply Rmult_le_compat_l; [apply Rlt_le, Rinv_0_lt_compat; lra |].
    eapply Rle_trans; [apply along; assumption | rewrite Rabs_pos_eq; lra].
  Qed.
  (* where L is at its maximum *)
  Theorem gradient_zero u g : length u = d -> length g = d -> gradient L u g -> 2 * delta <= to_sample u -> norm1 g <=
    0.
  Proof.
    intros lu lg grad far. apply (slope_in_direction u g 0); try assumption. intros v t lv unit pos. unfold L.
    rewrite (ramp_one (to_sample u)) by exact far. pose proof (ramp_range (to_sample (add u (scale t v)))). lra.
  Qed.

  (* ---- population ---- *)
  Variables (D : law (Rd d)) (kappa : R) (E : (Rd d -> R) -> R).
  Hypothesis probability : D (fun _ => True) = 1.
  Hypothesis density : forall z r, length z = d -> 0 <= r -> D (fun x => dist_inf (list_of x) z <= r) <=
    kappa * (2 * r) ^ d.
  Hypothesis E_monotone : forall f g b, (forall x, 0 <= f x <= g x /\ g x <= b) -> E f <= E g.
  Hypothesis E_of_event : forall c A, 0 <= c -> E (fun x => c * truth (A x)) = c * D A.
  (* adversarial loss and maximal gradient norm at x *)
  Variables adv M : list R -> R.
  Hypothesis adv_is_sup : forall x, length x = d ->
    is_lub (fun a => exists xi, length xi = d /\ norm_inf xi <= delta /\ a = L (add x xi)) (adv x).
  Hypothesis M_is_sup : forall x, length x = d -> is_lub (fun a => a = 0 \/ exists xi g,
    length xi = d /\ length g = d /\ norm_inf xi <= delta /\ gradient L (add x xi) g /\ a = norm1 g) (M x).
  Definition gap : R := E (fun x => adv (list_of x)) - sum (map adv S) / INR (length S).
  Definition flatness : R := E (fun x => M (list_of x)).

  Lemma no_loss_on_the_sample : sum (map adv S) = 0.
  Proof.
    rewrite (map_ext_in _ (fun _ => 0)); [apply sum_of_zeros |]. intros z i. pose proof (dimension z i) as lz.
    assert (forall xi, length xi = d -> norm_inf xi <= delta -> L (add z xi) = 0) as flat.
    { intros xi lx ball. apply ramp_zero. eapply Rle_trans; [apply to_sample_le, i |].
      rewrite dist_inf_add by congruence. exact ball. }
    apply Rle_antisym.
    - apply (adv_is_sup z lz). intros a (xi & lx & ball & ->). right. apply flat; assumption.
    - apply (adv_is_sup z lz). exists (scale 0 z). pose proof (scale_length d 0 z lz).
      assert (norm_inf (scale 0 z) <= delta) by (rewrite norm_inf_scale, Rabs_R0; lra).
      repeat split; try assumption. symmetry. apply flat; assumption.
  Qed.
  Lemma near_the_sample r : 0 <= r ->
    D (fun x => exists z, In z S /\ dist_inf (list_of x) z <= r) <= INR (length S) * (kappa * (2 * r) ^ d).
  Proof. intro rp. apply (mass_some _ D _ (fun z x => dist_inf (list_of x) z <= r)). intros z i. apply density;
    [apply dimension, i | exact rp]. Qed.

  Theorem gap_large : 1 - INR (length S) * (kappa * (4 * delta) ^ d) <= gap.
  Proof.
    unfold gap. rewrite no_loss_on_the_sample. unfold Rdiv. rewrite Rmult_0_l, Rminus_0_r.
    set (A := fun x : Rd d => 2 * delta <= to_sample (list_of x)).
    apply Rle_trans with (E (fun x => 1 * truth (A x))).
    - rewrite E_of_event by lra. pose proof (near_the_sample (2 * delta) ltac:(lra)) as near.
      replace (2 * (2 * delta)) with (4 * delta) in near by ring.
      pose proof (mass_difference _ D (fun _ => True) A (fun x => exists z, In z S /\ dist_inf (list_of x) z <=
        2 * delta)) as split_.
      assert (D (fun _ => True) - D (fun x => exists z, In z S /\ dist_inf (list_of x) z <= 2 * delta) <= D A); [| lra].
      apply split_. intros x _. destruct (decide (exists z, In z S /\ dist_inf (list_of x) z <= 2 * delta)) as [y | n];
        [right; exact y | left]. apply to_sample_ge; [lra |]. intros z i. apply Rlt_le, Rnot_le_lt. intro h. apply n.
          exists z. auto.
    - apply E_monotone with 1. intros [x lx]. unfold list_of, A. simpl.
      assert (adv x <= 1) as above.
      { apply (adv_is_sup x lx). intros a (xi & _ & _ & ->). apply ramp_range. }
      split; [| exact above]. rewrite Rmult_1_l. split; [apply truth_range |].
      assert (L x <= adv x) as below.
      { apply (adv_is_sup x lx). exists (scale 0 x). split; [apply scale_length, lx |]. split.
        - rewrite norm_inf_scale, Rabs_R0. lra.
        - rewrite add_zero by reflexivity. reflexivity. }
      unfold truth. destruct decide as [far | _]; [| unfold L in below; pose proof (ramp_range (to_sample x)); lra].
      unfold L in below. unfold list_of in far. simpl in far. rewrite (ramp_one _ far) in below. lra.
  Qed.

  Theorem flatness_small : flatness <= / delta * (INR (length S) * (kappa * (6 * delta) ^ d)).
  Proof.
    assert (0 < / delta) as ip by (apply Rinv_0_lt_compat; lra). unfold flatness.
    set (A := fun x : Rd d => exists z, In z S /\ dist_inf (list_of x) z <= 3 * delta).
    apply Rle_trans with (E (fun x => / delta * truth (A x))).
    - apply E_monotone with (/ delta). intros [x lx]. unfold list_of. simpl.
      pose proof (truth_range (A (exist _ x lx))). split; [| nra]. split; [apply (M_is_sup x lx); left; reflexivity |].
      apply (M_is_sup x lx). unfold truth.
      intros a [-> | (xi & g & lxi & lg & ball & grad & ->)]; [destruct decide; lra |].
      pose proof (add_length d x xi lx lxi) as lu. destruct decide as [_ | n].
      + pose proof (gradient_bounded _ g lu lg grad). lra.
      + rewrite Rmult_0_r. apply (gradient_zero (add x xi)); try assumption.
        pose proof (dist_inf_add x xi ltac:(congruence)) as e.
        pose proof (to_sample_lipschitz x (add x xi) lx lu) as t. rewrite (dist_inf_sym x), e in t.
        assert (3 * delta <= to_sample x) as far; [| lra].
        apply to_sample_ge; [lra |]. intros z i. apply Rlt_le, Rnot_le_lt. intro h. apply n. exists z. auto.
    - rewrite E_of_event by lra. apply Rmult_le_compat_l; [lra |]. pose proof (near_the_sample (3 * delta) ltac:(lra))
      as near.
      replace (2 * (3 * delta)) with (6 * delta) in near by ring. exact near.
  Qed.
End Ramp.
