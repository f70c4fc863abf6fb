(* The soft indicator of the proof sketch of Theorem 3.3, relu (1 - relu (t - threshold) / shell): two neurons, 1 up to
   the threshold, 0 from threshold + shell on, between 0 and 1 everywhere. *)
From Coq Require Import Reals List Lra.
Require Import Network.
Import ListNotations.
Open Scope R_scope.

Definition soft (threshold shell t : R) : R := relu (1 - relu (t - threshold) / shell).

Section Soft.
  Variables threshold shell : R.
  Hypothesis shell_pos : 0 < shell.

  Lemma soft_inside t : t <= threshold -> soft threshold shell t = 1.
  Proof. intro. unfold soft. rewrite (relu_neg (t - threshold)) by lra. rewrite relu_pos; lra. Qed.

  Lemma soft_outside t : threshold + shell <= t -> soft threshold shell t = 0.
  Proof.
    intro. unfold soft. rewrite (relu_pos (t - threshold)) by lra. apply relu_neg.
    assert (1 <= (t - threshold) / shell) by (apply Rmult_le_reg_r with shell; [lra | field_simplify; lra]). lra.
  Qed.

  Lemma soft_range t : 0 <= soft threshold shell t <= 1.
  Proof.
    unfold soft. pose proof (relu_nonneg (t - threshold)).
    assert (0 <= relu (t - threshold) / shell) by (apply Rdiv_le_0_compat || (apply Rmult_le_pos;
      [assumption | apply Rlt_le, Rinv_0_lt_compat; lra])).
    relu_split; lra.
  Qed.
End Soft.
