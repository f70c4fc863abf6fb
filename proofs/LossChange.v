(* definition-maximum-loss-change, repaired: the maximum change of the loss over ||xi||_inf <= eps is >= 0, and at
   most eps times the maximum gradient norm over the same ball; losses with a gradient everywhere. As printed it does
   not say whether x + xi may leave the cube: over the whole ball and over its part in [0, 1]^d the maxima differ. *)
From Coq Require Import Reals List Lra.
From Coquelicot Require Import Coquelicot.
Require Import Network Vectors.
Import ListNotations.
Open Scope R_scope.

Section LossChange.
  Variables (d : nat) (eps : R) (L : list R -> R) (grad : list R -> list R) (x : list R).
  Hypotheses (eps_nonneg : 0 <= eps) (dimension : length x = d).
  Hypothesis has_gradient : forall z, length z = d -> gradient L z (grad z).
  Variables change flatness : R.
  Hypothesis change_is_max :
    is_lub (fun a => exists xi, length xi = d /\ norm_inf xi <= eps /\ a = L (add x xi) - L x) change.
  Hypothesis flatness_is_max :
    is_lub (fun a => exists xi, length xi = d /\ norm_inf xi <= eps /\ a = norm1 (grad (add x xi))) flatness.

  Lemma change_nonneg : 0 <= change.
  Proof.
    apply change_is_max. exists (scale 0 x). split; [apply scale_length, dimension |]. split.
    - rewrite norm_inf_scale, Rabs_R0. lra.
    - rewrite add_zero by reflexivity. ring.
  Qed.

  Lemma change_at_most : change <= eps * flatness.
  Proof.
    apply change_is_max. intros a (xi & len & ball & ->).
    pose proof (fun t => derivative_along L grad d has_gradient x xi t dimension len) as der.
    destruct (MVT_gen (fun t => L (add x (scale t xi))) 0 1 (fun t => dot (grad (add x (scale t xi))) xi)) as (c &
      between & e).
    - intros t _. apply der.
    - intros t _. apply continuity_pt_filterlim. apply (ex_derive_continuous (fun t => L (add x (scale t xi)))).
      eexists. apply der.
    - rewrite Rmin_left, Rmax_right in between by lra. rewrite add_zero, add_one in e by (rewrite dimension; exact len).
      rewrite e, Rminus_0_r, Rmult_1_r. pose proof (norm_inf_nonneg xi).
      assert (norm1 (grad (add x (scale c xi))) <= flatness).
      { apply flatness_is_max. exists (scale c xi). split; [apply scale_length, len | split; [| reflexivity]].
        rewrite norm_inf_scale, Rabs_pos_eq by lra. nra. }
      pose proof (hoelder (grad (add x (scale c xi))) xi). pose proof (Rle_abs (dot (grad (add x (scale c xi))) xi)).
      pose proof (norm1_nonneg (grad (add x (scale c xi)))). nra.
  Qed.

  Theorem change_range : 0 <= change <= eps * flatness.
  Proof. split; [exact change_nonneg | exact change_at_most]. Qed.
End LossChange.

(* L(x) = -x on the line, at x = 0: eps over the whole ball, 0 over its part in [0, 1]. *)
Theorem printed_maxima_differ eps : 0 < eps <= 1 ->
  is_lub (fun a => exists xi, Rabs xi <= eps /\ a = - (0 + xi) - - 0) eps /\
  is_lub (fun a => exists xi, Rabs xi <= eps /\ 0 <= 0 + xi <= 1 /\ a = - (0 + xi) - - 0) 0.
Proof.
  intro range. split; split.
  - intros a (xi & b & ->). unfold Rabs in b. destruct Rcase_abs in b; lra.
  - intros m up. apply up. exists (- eps). split; [rewrite Rabs_Ropp, Rabs_pos_eq; lra | ring].
  - intros a (xi & _ & b & ->). lra.
  - intros m up. apply up. exists 0. repeat split; try lra. rewrite Rabs_R0. lra.
Qed.
