(* Theorem 6.3, what holds, for every sample: the classes c have priors pi_c, pihat_c and laws D_c, S_c of x with
   finitely many points; 0 <= L <= B. With M(x, r) the maximum of ||grad L||_1 over ||xi|| <= r in l_inf, t = ||x -
   z||_inf and cost(x, z) = min(B, t M(x, delta + t), t M(z, delta + t)): gap <= sum_c pi_c OT_c + T for every
   coupling of D_c and S_c, OT_c its mean cost, so for the least; T = B/2 sum_c |pi_c - pihat_c|. Hence gap <= G
   sum_c pi_c W_1 + T, G >= M, and gap <= h E_D M(x, delta + h) + T, h a bound of all t. The loss has a gradient
   everywhere (no kinks). *)
From Coq Require Import Reals List Lra.
From Coquelicot Require Import Coquelicot.
Require Import Network Vectors Memorizer.
Import ListNotations.
Open Scope R_scope.

Lemma add_assoc x y z : add (add x y) z = add x (add y z).
Proof. revert y z; induction x; intros [| b y] [| c z]; simpl; try reflexivity. rewrite IHx, Rplus_assoc. reflexivity.
  Qed.
Lemma norm_inf_add x y : norm_inf (add x y) <= norm_inf x + norm_inf y.
Proof.
  revert y; induction x as [| a x IH]; intros [| b y]; simpl; try (pose proof (norm_inf_nonneg []); lra).
  - pose proof (norm_inf_nonneg (b :: y)). change (norm_inf []) with 0. lra.
  - pose proof (norm_inf_nonneg (a :: x)). change (norm_inf []) with 0. lra.
  - specialize (IH y). unfold norm_inf in *. simpl. pose proof (Rabs_triang a b).
    pose proof (Rmax_l (Rabs a) (fold_right Rmax 0 (map Rabs x))). pose proof (Rmax_r (Rabs a) (fold_right Rmax 0 (map
      Rabs x))).
    pose proof (Rmax_l (Rabs b) (fold_right Rmax 0 (map Rabs y))). pose proof (Rmax_r (Rabs b) (fold_right Rmax 0 (map
      Rabs y))).
    apply Rmax_lub; lra.
Qed.
Lemma norm_inf_sub x z : norm_inf (sub x z) = norm_inf (sub z x).
Proof.
  unfold norm_inf, sub. revert z; induction x as [| a x IH]; intros [| b z]; simpl; try reflexivity.
  rewrite IH. f_equal. rewrite <- Rabs_Ropp. f_equal. ring.
Qed.
Lemma from_to x z xi d : length x = d -> length z = d -> length xi = d -> add (add z xi) (sub x z) = add x xi.
Proof.
  intros ex ez exi. revert z xi ez exi. rewrite <- ex. clear. induction x as [| a x IH];
    intros [| b z] [| c xi] e f; try discriminate; [reflexivity |].
  injection e as e. injection f as f. simpl. f_equal; [ring | apply IH; assumption].
Qed.

Section OneClass.
  Variable d : nat.
  Variables delta B : R.
  Hypothesis delta_nonneg : 0 <= delta.
  Variable L : list R -> R.                 (* x |-> L(f(x), y) *)
  Variable grad : list R -> list R.
  Hypothesis has_gradient : forall x, length x = d -> gradient L x (grad x).
  Hypothesis range : forall x, length x = d -> 0 <= L x <= B.
  Variable M : list R -> R -> R.
  Hypothesis M_is_sup : forall x r, length x = d -> 0 <= r ->
    is_lub (fun a => exists xi, length xi = d /\ norm_inf xi <= r /\ a = norm1 (grad (add x xi))) (M x r).
  Variable adv : list R -> R.
  Hypothesis adv_is_sup : forall x, length x = d ->
    is_lub (fun a => exists xi, length xi = d /\ norm_inf xi <= delta /\ a = L (add x xi)) (adv x).

  Definition pair_cost (x z : list R) : R :=
    let t := norm_inf (sub x z) in Rmin B (Rmin (t * M x (delta + t)) (t * M z (delta + t))).

  Lemma origin x : length x = d -> length (scale 0 x) = d /\ (forall r, 0 <= r -> norm_inf (scale 0 x) <= r).
  Proof. intro l. split; [apply scale_length, l |]. intros r pos. rewrite norm_inf_scale, Rabs_R0. lra. Qed.

  Lemma M_nonneg x r : length x = d -> 0 <= r -> 0 <= M x r.
  Proof.
    intros l pos. destruct (origin x l) as [lo small]. destruct (M_is_sup x r l pos) as [upper _].
    eapply Rle_trans; [apply (norm1_nonneg (grad (add x (scale 0 x)))) |]. apply upper. exists (scale 0 x). auto.
  Qed.
  Lemma M_monotone x r s : length x = d -> 0 <= r -> r <= s -> M x r <= M x s.
  Proof.
    intros l pos le. apply (M_is_sup x r l pos). intros a (xi & lx & b & ->).
    apply (M_is_sup x s l ltac:(lra)). exists xi. repeat split; [exact lx | lra].
  Qed.
  Lemma adv_range x : length x = d -> 0 <= adv x <= B.
  Proof.
    intro l. destruct (origin x l) as [lo small]. split.
    - eapply Rle_trans; [apply (range (add x (scale 0 x)) (add_length d _ _ l lo)) |].
      apply (adv_is_sup x l). exists (scale 0 x). auto.
    - apply (adv_is_sup x l). intros a (xi & lx & _ & ->). apply range, (add_length d); assumption.
  Qed.

  Lemma change x xi v : length x = d -> length xi = d -> length v = d -> norm_inf xi <= delta ->
    Rabs (L (add (add x xi) v) - L (add x xi)) <= norm_inf v * M x (delta + norm_inf v).
  Proof.
    intros lx lxi lv ball. pose proof (add_length d _ _ lx lxi) as lu. pose proof (norm_inf_nonneg v) as vp.
    pose proof (fun t => derivative_along L grad d has_gradient (add x xi) v t lu lv) as der.
    destruct (MVT_gen (fun t => L (add (add x xi) (scale t v))) 0 1 (fun t => dot (grad (add (add x xi) (scale t v)))
      v))
      as (c & between & e).
    - intros t _. apply der.
    - intros t _. apply continuity_pt_filterlim. apply (ex_derive_continuous (fun t => L (add (add x xi) (scale t v)))).
      eexists. apply der.
    - rewrite Rmin_left, Rmax_right in between by lra. rewrite add_zero, add_one in e by (rewrite lu; exact lv).
      rewrite e, Rminus_0_r, Rmult_1_r, (Rmult_comm (norm_inf v)). eapply Rle_trans; [apply hoelder |].
      apply Rmult_le_compat_r; [exact vp |]. rewrite add_assoc. apply (M_is_sup x); [exact lx | lra |].
      exists (add xi (scale c v)). repeat split; [apply (add_length d); [exact lxi | apply scale_length, lv] |].
      eapply Rle_trans; [apply norm_inf_add |]. rewrite norm_inf_scale, Rabs_pos_eq by lra. nra.
  Qed.

  Lemma adv_pair x z : length x = d -> length z = d -> adv x - adv z <= pair_cost x z.
  Proof.
    intros lx lz. pose proof (adv_range x lx). pose proof (adv_range z lz). unfold pair_cost.
    pose proof (sub_length d x z lx lz) as lv. pose proof (sub_length d z x lz lx) as lw.
    repeat apply Rmin_glb; [lra | |].
    - enough (adv x <= adv z + norm_inf (sub x z) * M x (delta + norm_inf (sub x z))) by lra.
      apply (adv_is_sup x lx). intros a (xi & lxi & ball & ->).
      pose proof (change x xi (sub z x) lx lxi lw ball) as c. rewrite (from_to z x xi d lz lx lxi), norm_inf_sub in c.
      assert (L (add z xi) <= adv z) by (apply (adv_is_sup z lz); exists xi; auto).
      unfold Rabs in c. destruct Rcase_abs in c; lra.
    - enough (adv x <= adv z + norm_inf (sub x z) * M z (delta + norm_inf (sub x z))) by lra.
      apply (adv_is_sup x lx). intros a (xi & lxi & ball & ->).
      pose proof (change z xi (sub x z) lz lxi lv ball) as c. rewrite (from_to x z xi d lx lz lxi) in c.
      assert (L (add z xi) <= adv z) by (apply (adv_is_sup z lz); exists xi; auto).
      unfold Rabs in c. destruct Rcase_abs in c; lra.
  Qed.

  (* A coupling of D_c and S_c: weights on pairs (x, z). *)
  Variable coupling : list (R * (list R * list R)).
  Hypothesis valid : forall c, In c coupling -> 0 <= fst c /\ length (fst (snd c)) = d /\ length (snd (snd c)) = d.
  Hypothesis total : sum (map fst coupling) = 1.
  Definition mean (g : list R -> list R -> R) : R := sum (map (fun c => fst c * g (fst (snd c)) (snd (snd c)))
    coupling).

  Lemma mean_le g h : (forall w x z, In (w, (x, z)) coupling -> length x = d -> length z = d -> g x z <= h x z) ->
    mean g <= mean h.
  Proof.
    unfold mean. clear total. induction coupling as [| [w [x z]] l IH]; simpl; intro le; [lra |].
    destruct (valid (w, (x, z)) (or_introl eq_refl)) as (wp & lx & lz). simpl in *.
    specialize (IH (fun c i => valid c (or_intror i)) (fun w x z i => le w x z (or_intror i))).
    pose proof (le w x z (or_introl eq_refl) lx lz). unfold sum in *. nra.
  Qed.
  Lemma mean_minus g h : mean (fun x z => g x z - h x z) = mean g - mean h.
  Proof. unfold mean. clear. induction coupling as [| c l IH]; simpl; [ring |]. rewrite IH. ring. Qed.
  Lemma mean_scale a g : mean (fun x z => a * g x z) = a * mean g.
  Proof. unfold mean. clear. induction coupling as [| c l IH]; simpl; [ring |]. rewrite IH. ring. Qed.
  Lemma mean_constant a : mean (fun _ _ => a) = a.
  Proof.
    transitivity (a * sum (map fst coupling)); [| rewrite total; ring]. unfold mean. clear.
    induction coupling as [| c l IH]; simpl; [ring |]. rewrite IH. ring.
  Qed.

  Lemma class_gap : mean (fun x _ => adv x) - mean (fun _ z => adv z) <= mean pair_cost.
  Proof. rewrite <- mean_minus. apply mean_le. intros. apply adv_pair; assumption. Qed.
  Lemma class_range : 0 <= mean (fun _ z => adv z) <= B.
  Proof.
    split; [rewrite <- (mean_constant 0) | rewrite <- (mean_constant B)]; apply mean_le; intros; apply adv_range;
      assumption.
  Qed.
  Lemma cost_lipschitz G : (forall x r, length x = d -> 0 <= r -> M x r <= G) ->
    mean pair_cost <= G * mean (fun x z => norm_inf (sub x z)).
  Proof.
    intro flat. rewrite <- mean_scale. apply mean_le. intros w x z _ lx lz. unfold pair_cost.
    pose proof (norm_inf_nonneg (sub x z)). eapply Rle_trans; [apply Rmin_r |]. eapply Rle_trans; [apply Rmin_l |].
    pose proof (flat x (delta + norm_inf (sub x z)) lx ltac:(lra)). nra.
  Qed.
  Lemma cost_within h : (forall w x z, In (w, (x, z)) coupling -> norm_inf (sub x z) <= h) ->
    mean pair_cost <= h * mean (fun x _ => M x (delta + h)).
  Proof.
    intro all. rewrite <- mean_scale. apply mean_le. intros w x z i lx lz. unfold pair_cost. specialize (all w x z i).
    pose proof (norm_inf_nonneg (sub x z)). eapply Rle_trans; [apply Rmin_r |]. eapply Rle_trans; [apply Rmin_l |].
    pose proof (M_monotone x (delta + norm_inf (sub x z)) (delta + h) lx ltac:(lra) ltac:(lra)).
    pose proof (M_nonneg x (delta + norm_inf (sub x z)) lx ltac:(lra)). nra.
  Qed.
End OneClass.

Section Classes.
  Variables (C : Type) (classes : list C) (prior prior_hat : C -> R).
  Hypothesis prior_nonneg : forall c, In c classes -> 0 <= prior c.
  Hypothesis same_total : sum (map prior classes) = sum (map prior_hat classes).
  Variables (d : nat) (delta B : R).
  Hypothesis delta_nonneg : 0 <= delta.
  Variables (L : C -> list R -> R) (grad : C -> list R -> list R) (M : C -> list R -> R -> R) (adv : C -> list R -> R).
  Hypothesis has_gradient : forall c x, length x = d -> gradient (L c) x (grad c x).
  Hypothesis range : forall c x, length x = d -> 0 <= L c x <= B.
  Hypothesis M_is_sup : forall c x r, length x = d -> 0 <= r ->
    is_lub (fun a => exists xi, length xi = d /\ norm_inf xi <= r /\ a = norm1 (grad c (add x xi))) (M c x r).
  Hypothesis adv_is_sup : forall c x, length x = d ->
    is_lub (fun a => exists xi, length xi = d /\ norm_inf xi <= delta /\ a = L c (add x xi)) (adv c x).
  Variable coupling : C -> list (R * (list R * list R)).
  Hypothesis valid : forall k c, In c (coupling k) -> 0 <= fst c /\ length (fst (snd c)) = d /\
    length (snd (snd c)) = d.
  Hypothesis total : forall k, sum (map fst (coupling k)) = 1.

  Definition over (f : C -> R) : R := sum (map f classes).
  Definition robust_gap : R := over (fun c => prior c * mean (coupling c) (fun x _ => adv c x)) -
    over (fun c => prior_hat c * mean (coupling c) (fun _ z => adv c z)).
  Definition T : R := B / 2 * over (fun c => Rabs (prior c - prior_hat c)).

  Theorem theorem_6_3_transport :
    robust_gap <= over (fun c => prior c * mean (coupling c) (pair_cost delta B (M c))) + T.
  Proof.
    assert (forall l, (forall c, In c l -> 0 <= prior c) ->
      sum (map (fun c => prior c * mean (coupling c) (fun x _ => adv c x)) l) -
      sum (map (fun c => prior_hat c * mean (coupling c) (fun _ z => adv c z)) l) <=
      sum (map (fun c => prior c * mean (coupling c) (pair_cost delta B (M c))) l) +
      B / 2 * sum (map (fun c => Rabs (prior c - prior_hat c)) l) +
      B / 2 * (sum (map prior l) - sum (map prior_hat l))) as all.
    { induction l as [| c l IH]; simpl; intro pos; [lra |]. specialize (IH (fun k i => pos k (or_intror i))).
      pose proof (class_gap d delta B delta_nonneg (L c) (grad c) (has_gradient c) (range c) (M c) (M_is_sup c) (adv c)
        (adv_is_sup c) (coupling c) (valid c)) as g.
      pose proof (class_range d delta B delta_nonneg (L c) (range c) (adv c) (adv_is_sup c) (coupling c) (valid c)
        (total c))
        as r.
      pose proof (pos c (or_introl eq_refl)) as p.
      assert ((prior c - prior_hat c) * (mean (coupling c) (fun _ z => adv c z) - B / 2) <=
        B / 2 * Rabs (prior c - prior_hat c)).
      { unfold Rabs. destruct Rcase_abs; nra. }
      unfold sum in *. nra. }
    specialize (all classes prior_nonneg). rewrite same_total in all. unfold robust_gap, T, over. lra.
  Qed.

  Lemma over_le f g : (forall c, In c classes -> f c <= g c) -> over f <= over g.
  Proof.
    unfold over. clear. induction classes as [| c l IH]; simpl; intro h; [lra |].
    pose proof (h c (or_introl eq_refl)). specialize (IH (fun k i => h k (or_intror i))). unfold sum in *. lra.
  Qed.
  Lemma over_scale a f : over (fun c => a * f c) = a * over f.
  Proof. unfold over. clear. induction classes as [| c l IH]; simpl; [ring |]. unfold sum in *. rewrite IH. ring. Qed.

  (* The first form, for the couplings that attain W_1. *)
  Theorem theorem_6_3_first_form G : (forall c x r, length x = d -> 0 <= r -> M c x r <= G) ->
    robust_gap <= G * over (fun c => prior c * mean (coupling c) (fun x z => norm_inf (sub x z))) + T.
  Proof.
    intro flat. eapply Rle_trans; [apply theorem_6_3_transport |]. apply Rplus_le_compat_r. rewrite <- over_scale.
    apply over_le. intros c i. pose proof (prior_nonneg c i).
    pose proof (cost_lipschitz d delta B delta_nonneg (M c) (coupling c) (valid c) G (flat c)). nra.
  Qed.

  (* The second form, for the couplings that attain W_infinity <= h. *)
  Theorem theorem_6_3_second_form h : (forall c w x z, In (w, (x, z)) (coupling c) -> norm_inf (sub x z) <= h) ->
    robust_gap <= h * over (fun c => prior c * mean (coupling c) (fun x _ => M c x (delta + h))) + T.
  Proof.
    intro all. eapply Rle_trans; [apply theorem_6_3_transport |]. apply Rplus_le_compat_r. rewrite <- over_scale.
    apply over_le. intros c i. pose proof (prior_nonneg c i).
    pose proof (cost_within d delta B delta_nonneg (grad c) (M c) (M_is_sup c) (coupling c) (valid c) h (all c)). nra.
  Qed.
End Classes.
