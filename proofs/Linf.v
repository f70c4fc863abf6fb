(* p = infinity: the excess sum_j relu (x_j - c_j - delta) + relu (c_j - x_j - delta) is 0 exactly on the ball of radius
   delta around c, and at least gamma from the distance delta + gamma on: no maximum is needed. Its soft indicator is 1
   on the ball and 0 off the shell. *)
From Coq Require Import Reals List Lra.
Require Import Network SoftIndicator.
Import ListNotations.
Open Scope R_scope.

Fixpoint dist_inf (x c : list R) : R :=
  match x, c with
  | a :: x', b :: c' => Rmax (Rabs (a - b)) (dist_inf x' c')
  | _, _ => 0
  end.

Fixpoint excess (delta : R) (x c : list R) : R :=
  match x, c with
  | a :: x', b :: c' => relu (a - b - delta) + relu (b - a - delta) + excess delta x' c'
  | _, _ => 0
  end.

Lemma excess_nonneg delta x c : 0 <= excess delta x c.
Proof.
  revert c; induction x as [| a x IH]; destruct c; simpl; try lra.
  specialize (IH c). pose proof (relu_nonneg (a - r - delta)). pose proof (relu_nonneg (r - a - delta)). lra.
Qed.

Theorem excess_zero_iff delta x c :
  0 <= delta -> (excess delta x c = 0 <-> dist_inf x c <= delta).
Proof.
  intro pos. revert c; induction x as [| a x IH]; destruct c as [| b c]; simpl; try (split; intro; lra).
  specialize (IH c). pose proof (excess_nonneg delta x c).
  pose proof (relu_nonneg (a - b - delta)). pose proof (relu_nonneg (b - a - delta)).
  pose proof (relu_ge (a - b - delta)). pose proof (relu_ge (b - a - delta)).
  split; intro h.
  - apply Rmax_lub; [unfold Rabs; destruct Rcase_abs; lra | apply IH; lra].
  - assert (Rabs (a - b) <= delta) as near by (eapply Rle_trans; [apply Rmax_l | exact h]).
    assert (dist_inf x c <= delta) as rest by (eapply Rle_trans; [apply Rmax_r | exact h]).
    apply IH in rest. rewrite rest. unfold Rabs in near. destruct Rcase_abs; rewrite !relu_neg by lra; lra.
Qed.

Theorem excess_outside delta gamma x c :
  0 < gamma -> 0 <= delta -> delta + gamma <= dist_inf x c -> gamma <= excess delta x c.
Proof.
  intros pos nonneg. revert c; induction x as [| a x IH]; destruct c as [| b c]; simpl; intro far; try lra.
  pose proof (excess_nonneg delta x c).
  pose proof (relu_nonneg (a - b - delta)). pose proof (relu_nonneg (b - a - delta)).
  pose proof (relu_ge (a - b - delta)). pose proof (relu_ge (b - a - delta)).
  unfold Rmax in far. destruct Rle_dec.
  - specialize (IH c far). lra.
  - unfold Rabs in far. destruct Rcase_abs; lra.
Qed.

(* The indicator of a point: 1 on the closed ball, 0 once the distance is delta + gamma, in between in between. *)
Definition indicator_inf (delta gamma : R) (c x : list R) : R := relu (1 - excess delta x c / gamma).

Lemma indicator_inf_is_soft delta gamma c x : indicator_inf delta gamma c x = soft 0 gamma (excess delta x c).
Proof.
  unfold indicator_inf, soft. rewrite Rminus_0_r, (relu_pos (excess _ _ _)) by apply excess_nonneg. reflexivity.
Qed.

Section Indicator.
  Variables delta gamma : R.
  Hypotheses (delta_nonneg : 0 <= delta) (gamma_pos : 0 < gamma).

  Lemma indicator_inf_inside c x : dist_inf x c <= delta -> indicator_inf delta gamma c x = 1.
  Proof.
    intro h. apply excess_zero_iff in h; [| assumption].
    rewrite indicator_inf_is_soft, h. apply soft_inside; lra.
  Qed.

  Lemma indicator_inf_outside c x : delta + gamma <= dist_inf x c -> indicator_inf delta gamma c x = 0.
  Proof.
    intro h. rewrite indicator_inf_is_soft. apply soft_outside; [assumption |].
    pose proof (excess_outside delta gamma x c gamma_pos delta_nonneg h). lra.
  Qed.

  Lemma indicator_inf_range c x : 0 <= indicator_inf delta gamma c x <= 1.
  Proof. rewrite indicator_inf_is_soft. apply soft_range; assumption. Qed.
End Indicator.

(* The metric facts that the memorizer needs. *)
Lemma dist_inf_sym x c : dist_inf x c = dist_inf c x.
Proof. revert c; induction x; destruct c; simpl; try reflexivity. rewrite IHx, Rabs_minus_sym. reflexivity. Qed.

Lemma dist_inf_triangle x y z :
  length x = length y -> length y = length z -> dist_inf x z <= dist_inf x y + dist_inf y z.
Proof.
  revert y z; induction x as [| a x IH]; destruct y as [| b y], z as [| c z]; simpl; intros; try discriminate; try lra.
  injection H as H; injection H0 as H0. specialize (IH y z H H0).
  pose proof (Rmax_l (Rabs (a - b)) (dist_inf x y)). pose proof (Rmax_r (Rabs (a - b)) (dist_inf x y)).
  pose proof (Rmax_l (Rabs (b - c)) (dist_inf y z)). pose proof (Rmax_r (Rabs (b - c)) (dist_inf y z)).
  apply Rmax_lub; [| lra].
  replace (a - c) with ((a - b) + (b - c)) by ring. pose proof (Rabs_triang (a - b) (b - c)). lra.
Qed.
