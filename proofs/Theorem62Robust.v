(* Theorem 6.2 as printed is refuted, for the robust error: on the K cubes of Theorem 3.5, for every algorithm from
   samples to classifiers and all D_y that are mu_0-balanced on the cubes with labels y (mu_0 = 1: uniform), the mean
   over the 2^K labellings and K^N samples of L_D^adv is at least mu_0/2 (1 - 1/K)^N. The algorithm gets the numbers
   and labels of the cubes seen: for given places inside of them its answer is a function of these. *)
From Coq Require Import Reals List Lra Lia Bool.
Require Import Network Memorizer Law Labellings L1 Lp Cubes Theorem35 Theorem62.
Import ListNotations.
Open Scope R_scope.

Lemma total_is_sum (A : Type) (l : list A) f : INR (total l f) = sum (map (fun a => INR (f a)) l).
Proof. unfold total. induction l as [| a l IH]; [reflexivity |]. simpl. rewrite plus_INR, IH. reflexivity. Qed.
Lemma sum_le (A : Type) (l : list A) f g : (forall a, In a l -> f a <= g a) -> sum (map f l) <= sum (map g l).
Proof.
  induction l as [| a l IH]; simpl; intro h; [lra |]. pose proof (h a (or_introl eq_refl)).
  specialize (IH (fun b i => h b (or_intror i))). lra.
Qed.
Lemma sum_scale (A : Type) (l : list A) c f : sum (map (fun a => c * f a) l) = c * sum (map f l).
Proof. induction l as [| a l IH]; simpl; [ring | rewrite IH; ring]. Qed.

Lemma count_filter (A : Type) (p : A -> bool) l :
  total l (fun a => if p a then 0 else 1)%nat = length (filter (fun a => negb (p a)) l).
Proof. unfold total. induction l as [| a l IH]; [reflexivity |]. simpl. destruct (p a); simpl; rewrite IH;
  reflexivity. Qed.

Section Robust.
  Variables (d m : nat) (eta tau delta mu0 : R).
  Hypotheses (letters : (2 <= m)%nat) (eta_range : 0 < eta < tau) (top : tau + eta <= 1 / 2).
  Hypotheses (reach : tau + INR d * eta <= delta) (mu0_nonneg : 0 <= mu0).
  Variable words : list (list nat).
  Hypothesis words_of_length : forall w, In w words -> word d m w.
  Notation K := (length words).
  Hypothesis some : (0 < K)%nat.
  Variable dist : list R -> list R -> R.
  Hypothesis dist_below_1 : forall x z, dist x z <= dist_1 x z.
  Variable D : list bool -> law (Rd d * R).
  Hypothesis D_balanced : forall y, length y = K -> balanced d m eta tau words mu0 y (D y).
  (* from the sample to a classifier *)
  Variable N : nat.
  Variable algorithm : list (nat * bool) -> list R -> R.
  Definition guesses (seen : list (nat * bool)) (k : nat) : bool := nth k (pattern m eta words (algorithm seen)) true.
  Definition classifier (y : list bool) (s : list nat) : list R -> R := algorithm (map (fun k => (k, label y k)) s).
  Definition robust_error (y : list bool) (s : list nat) : R :=
    adversarial_error (Rd d) (between dist d) delta (D y) (fun x => classifier y s (list_of x)).

  Lemma wrong_cubes_are_mistakes y s : wrong_cubes K guesses y s = length (mistakes m eta words (classifier y s) y).
  Proof. apply (count_filter nat (fun k => Bool.eqb (nth k (pattern m eta words (classifier y s)) true) (nth k y
    true))).
  Qed.

  Theorem theorem_6_2_robust : mu0 * (1 / 2 * (1 - / INR K) ^ N) <=
    sum (map (fun y => sum (map (fun s => robust_error y s) (samples K N))) (labellings K)) /
    (INR (length (labellings K)) * INR (length (samples K N))).
  Proof.
    pose proof (theorem_6_2_impossibility K N some guesses) as least. unfold mean_error in least.
    assert (0 < INR K) as k by (apply lt_0_INR, some).
    assert (0 < INR (length (labellings K))) as yl by (rewrite labellings_length, pow_INR; apply pow_lt; simpl; lra).
    assert (0 < INR (length (samples K N))) as sl by (rewrite samples_length, pow_INR; apply pow_lt, k).
    rewrite total_is_sum in least.
    assert (mu0 / INR K * sum (map (fun y => INR (total (samples K N) (fun s => wrong_cubes K guesses y s)))
      (labellings K)) <=
      sum (map (fun y => sum (map (fun s => robust_error y s) (samples K N))) (labellings K))) as by_cubes.
    { rewrite <- sum_scale. apply sum_le. intros y iy. rewrite total_is_sum, <- sum_scale. apply sum_le. intros s _.
      rewrite wrong_cubes_are_mistakes. apply in_labellings in iy.
      pose proof (error_of_mistakes d m eta tau delta letters eta_range reach words words_of_length dist dist_below_1
        (classifier y s) y (D y) mu0 (D_balanced y iy)) as e. unfold robust_error, Rdiv in *. lra. }
    apply Rmult_le_reg_r with (INR (length (labellings K)) * INR (length (samples K N)));
      [apply Rmult_lt_0_compat; assumption |].
    match goal with |- _ <= ?s / ?n * _ => replace (s / n * n) with s by (field; split; lra) end.
    eapply Rle_trans; [| exact by_cubes]. apply Rmult_le_compat_l with (r := mu0) in least; [| exact mu0_nonneg].
    apply Rmult_le_compat_r with (r := INR (length (labellings K)) * INR (length (samples K N))) in least;
      [| apply Rlt_le, Rmult_lt_0_compat; assumption].
    eapply Rle_trans; [exact least |]. right. field. repeat split; lra.
  Qed.
End Robust.
