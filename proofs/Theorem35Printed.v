(* Theorem 3.5 as printed is false, as it says "for any R > 2 delta": two points of [0, 1]^d are at most d^(1/p)
   apart in l_p. So if the classes are more than R >= d^(1/p) apart, all data have one label, and a constant, a
   network with one non-zero, has no adversarial error at any radius: no C_1 mu_0 > 0 is below it, whatever the size
   and the balance. *)
From Coq Require Import Reals List Lra Lia Classical.
Require Import Network Calculus Memorizer Law Lp.
Import ListNotations.
Open Scope R_scope.

Definition in_box (x : list R) : Prop := forall a, In a x -> 0 <= a <= 1.

Lemma powers_in_the_box p x z : 0 < p -> in_box x -> in_box z -> length x = length z -> powers p x z <= INR (length x).
Proof.
  intro pp. revert z; induction x as [| a x IH]; intros [| b z] bx bz e; try discriminate; [simpl; lra |].
  injection e as e. change (length (a :: x)) with (S (length x)). rewrite S_INR.
  change (powers p (a :: x) (b :: z)) with (power (Rabs (a - b)) p + powers p x z).
  specialize (IH z (fun c i => bx c (or_intror i)) (fun c i => bz c (or_intror i)) e).
  assert (power (Rabs (a - b)) p <= 1); [| lra].
  pose proof (bx a (or_introl eq_refl)). pose proof (bz b (or_introl eq_refl)).
  replace 1 with (power 1 p).
  - apply power_monotone; [apply Rabs_pos | unfold Rabs; destruct Rcase_abs; lra | exact pp].
  - unfold power. destruct Req_EM_T; [lra |]. unfold Rpower. rewrite ln_1, Rmult_0_r. apply exp_0.
Qed.

Theorem diameter_of_the_box p d (x z : Rd d) : 1 <= p -> (1 <= d)%nat -> in_box (list_of x) -> in_box (list_of z) ->
  between (dist_p p) d x z <= Rpower (INR d) (/ p).
Proof.
  destruct x as [x lx], z as [z lz]. unfold between, list_of. simpl. intros pr some bx bz.
  pose proof (powers_in_the_box p x z ltac:(lra) bx bz ltac:(congruence)) as h. rewrite lx in h.
  assert (1 <= INR d) by (apply (le_INR 1), some).
  replace (Rpower (INR d) (/ p)) with (power (INR d) (/ p)) by (unfold power; destruct Req_EM_T; [lra | reflexivity]).
  unfold dist_p. apply power_monotone; [apply powers_nonneg | exact h | apply Rinv_0_lt_compat; lra].
Qed.

Definition constant_net (c : R) : list layer := [[([], c)]].

(* A: the positive class, B: the negative one. *)
Theorem one_class_only p d R_ (A B : Rd d -> Prop) (D : law (Rd d * R)) : 1 <= p -> (1 <= d)%nat ->
  Rpower (INR d) (/ p) <= R_ ->
  (forall x, A x \/ B x -> in_box (list_of x)) -> (forall x z, A x -> B z -> R_ < between (dist_p p) d x z) ->
  D (fun z => ~ (A (fst z) /\ snd z = 1 \/ B (fst z) /\ snd z = -1)) = 0 ->
  exists net, network d net /\ nonzero net = 1%nat /\ forall delta,
    adversarial_error (Rd d) (between (dist_p p) d) delta D (fun x => nth 0 (eval net (list_of x)) 0) = 0.
Proof.
  intros pr some large box apart data.
  assert (exists c, (c = 1 \/ c = -1) /\ forall x y, (A x /\ y = 1 \/ B x /\ y = -1) -> y = c) as (c & label & all).
  { destruct (classic (exists x, A x)) as [(x & a) | no].
    - exists 1. split; [auto |]. intros z y [[_ e] | [b _]]; [exact e | exfalso]. specialize (apart x z a b).
      pose proof (diameter_of_the_box p d x z pr some (box x (or_introl a)) (box z (or_intror b))). lra.
    - exists (-1). split; [auto |]. intros z y [[a _] | [_ e]]; [exfalso; eauto | exact e]. }
  exists (constant_net c). split; [split; [discriminate | repeat constructor; apply Nat.le_0_l] | split].
  - unfold nonzero, nz_layer, nz_row, nz. simpl. destruct (Req_EM_T c 0); [exfalso; destruct label; lra | reflexivity].
  - intro delta. unfold adversarial_error. apply Rle_antisym; [| apply mass_nonneg]. rewrite <- data.
    apply mass_monotone. intros [x y] (u & _ & w) ok. specialize (all x y ok). subst y. unfold wrong in w. simpl in w.
    destruct label as [-> | ->]; lra.
Qed.

(* So there are no such N_d >= 1 and C_1 > 0. *)
Theorem printed_theorem_3_5_fails p d R_ A B (D : law (Rd d * R)) C1 mu0 : 1 <= p -> (1 <= d)%nat ->
  Rpower (INR d) (/ p) <= R_ ->
  (forall x, A x \/ B x -> in_box (list_of x)) -> (forall x z, A x -> B z -> R_ < between (dist_p p) d x z) ->
  D (fun z => ~ (A (fst z) /\ snd z = 1 \/ B (fst z) /\ snd z = -1)) = 0 -> 0 < C1 -> 0 < mu0 ->
  ~ exists delta N_d, (1 <= N_d)%nat /\ forall net, network d net -> (nonzero net <= N_d)%nat ->
    C1 * mu0 <= adversarial_error (Rd d) (between (dist_p p) d) delta D (fun x => nth 0 (eval net (list_of x)) 0).
Proof.
  intros pr some large box apart data cp mp (delta & N_d & one & all).
  destruct (one_class_only p d R_ A B D pr some large box apart data) as (net & fit & size & none).
  specialize (all net fit ltac:(rewrite size; exact one)). rewrite none in all.
  assert (0 < C1 * mu0) by (apply Rmult_lt_0_compat; assumption). lra.
Qed.
