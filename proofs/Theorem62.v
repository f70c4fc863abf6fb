(* Theorem 6.2 as printed is refuted: K cubes, labels drawn at random, N points seen. Every algorithm, a function
   from the places and labels of the sample to one sign for each cube, is wrong on a mean share >= 1/2 (1 - 1/K)^N of
   the cubes, so for some labels too, while sqrt(poly(d)/N) tends to 0. The mean is over all 2^K labellings and all
   K^N samples. A classifier whose sign at the mid-point of a cube is not the cube's label has a robust error on all
   of it: Theorem62Robust.v. *)
From Coq Require Import Reals List Lra Lia Bool.
Require Import Labellings.
Import ListNotations.
Open Scope R_scope.

Definition total (A : Type) (l : list A) (f : A -> nat) : nat := list_sum (map f l).
Arguments total {A}.
Lemma total_swap (A B : Type) (l : list A) (m : list B) f :
  total l (fun a => total m (fun b => f a b)) = total m (fun b => total l (fun a => f a b)).
Proof.
  unfold total. induction l as [| a l IH]; simpl.
  - induction m; simpl; auto.
  - rewrite IH. clear. induction m as [| b m I]; simpl; [reflexivity | lia].
Qed.
Lemma total_le (A : Type) (l : list A) f g : (forall a, In a l -> f a <= g a)%nat -> (total l f <= total l g)%nat.
Proof.
  unfold total. induction l as [| a l IH]; simpl; intro h; [lia |]. pose proof (h a (or_introl eq_refl)).
  specialize (IH (fun b i => h b (or_intror i))). lia.
Qed.
Lemma total_constant (A : Type) (l : list A) c : total l (fun _ => c) = (length l * c)%nat.
Proof. unfold total. induction l; simpl; [reflexivity | rewrite IHl; reflexivity]. Qed.
Lemma total_scale (A : Type) (l : list A) c f : total l (fun a => f a * c)%nat = (total l f * c)%nat.
Proof. unfold total. induction l; simpl; [reflexivity | rewrite IHl; lia]. Qed.
Lemma total_app (A : Type) (l m : list A) f : total (l ++ m) f = (total l f + total m f)%nat.
Proof. unfold total. rewrite map_app, list_sum_app. reflexivity. Qed.
Lemma total_map (A B : Type) (g : A -> B) (l : list A) f : total (map g l) f = total l (fun a => f (g a)).
Proof. unfold total. rewrite map_map. reflexivity. Qed.

Definition label (y : list bool) (k : nat) : bool := nth k y true.
Definition miss (guess : bool) (y : list bool) (k : nat) : nat := if Bool.eqb guess (label y k) then 0 else 1.

(* Who has not seen the label of a cube is wrong on half of all labellings. *)
Lemma unseen_label k : forall K g, (k < K)%nat ->
  (forall y z, (forall j, j <> k -> label y j = label z j) -> g y = g z) ->
  (2 * total (labellings K) (fun y => miss (g y) y k) = 2 ^ K)%nat.
Proof.
  induction k as [| k IH]; intros [| K] g h blind; try lia; simpl labellings; rewrite total_app, !total_map.
  - assert (forall y, g (true :: y) = g (false :: y)) as same.
    { intro y. apply blind. intros [| j] n; [contradiction | reflexivity]. }
    enough (total (labellings K) (fun a => miss (g (true :: a)) (true :: a) 0) +
      total (labellings K) (fun a => miss (g (false :: a)) (false :: a) 0) = length (labellings K))%nat as e.
    { rewrite e, labellings_length. simpl. lia. }
    unfold total. induction (labellings K) as [| y l I]; [reflexivity |]. simpl. rewrite (same y).
    unfold miss at 1 3. simpl. destruct (g (false :: y)); simpl; simpl in I; lia.
  - assert (forall b, 2 * total (labellings K) (fun a => miss (g (b :: a)) (b :: a) (S k)) = 2 ^ K)%nat as half.
    { intro b. apply (IH K (fun y => g (b :: y))); [lia |]. intros y z same. apply blind.
      intros [| j] n; [reflexivity |]. apply same. lia. }
    pose proof (half true). pose proof (half false). simpl in *. lia.
Qed.

(* The samples: all lists of N numbers below K. *)
Fixpoint samples (K N : nat) : list (list nat) :=
  match N with O => [[]] | S n => flat_map (fun k => map (cons k) (samples K n)) (seq 0 K) end.
Lemma samples_length K N : length (samples K N) = (K ^ N)%nat.
Proof.
  induction N as [| N IH]; [reflexivity |]. simpl. rewrite <- IH. rewrite <- (seq_length K 0) at 2.
  induction (seq 0 K) as [| k l I]; simpl; [reflexivity |]. rewrite app_length, map_length, I. reflexivity.
Qed.
Definition unseen (k : nat) (s : list nat) : nat := if in_dec Nat.eq_dec k s then 0 else 1.
Lemma unseen_samples K N k : (k < K)%nat -> total (samples K N) (unseen k) = ((K - 1) ^ N)%nat.
Proof.
  intro h. induction N as [| N IH]; [reflexivity |]. simpl samples.
  assert (forall l, NoDup l -> total (flat_map (fun j => map (cons j) (samples K N)) l) (unseen k) =
    (length l - (if in_dec Nat.eq_dec k l then 1 else 0)) * (K - 1) ^ N)%nat as all.
  { intros l nd. induction nd as [| j l out nd I]; [reflexivity |]. simpl flat_map. rewrite total_app, total_map, I.
    destruct (Nat.eq_dec j k) as [-> | n].
    - assert (total (samples K N) (fun a => unseen k (k :: a)) = 0)%nat as ->.
      { rewrite <- (Nat.mul_0_r (length (samples K N))), <- total_constant. unfold total. f_equal. apply map_ext.
        intro a. unfold unseen. destruct (in_dec Nat.eq_dec k (k :: a)) as [_ | f];
          [reflexivity | exfalso; apply f; left; reflexivity]. }
      destruct (in_dec Nat.eq_dec k l) as [i | _]; [contradiction |].
      destruct (in_dec Nat.eq_dec k (k :: l)) as [_ | f]; [| exfalso; apply f; left; reflexivity]. simpl length.
      replace (S (length l) - 1)%nat with (length l - 0)%nat by lia. lia.
    - assert (total (samples K N) (fun a => unseen k (j :: a)) = total (samples K N) (unseen k)) as ->.
      { unfold total. f_equal. apply map_ext. intro a. unfold unseen. destruct (in_dec Nat.eq_dec k (j :: a)) as [i |
        o],
          (in_dec Nat.eq_dec k a) as [i' | o']; try reflexivity; exfalso; simpl in *; tauto. }
      rewrite IH. destruct (in_dec Nat.eq_dec k l) as [i | o], (in_dec Nat.eq_dec k (j :: l)) as [i' | o'];
        try (exfalso; simpl in *; tauto); simpl length.
      + destruct l; [contradiction |]. simpl length. replace (S (S (length l)) - 1)%nat with (S (S (length l) - 1))%nat
        by lia.
        simpl. lia.
      + rewrite !Nat.sub_0_r. simpl. lia. }
  rewrite all by apply seq_NoDup. rewrite seq_length. destruct in_dec as [_ | f]; [reflexivity |].
  exfalso. apply f. apply in_seq. lia.
Qed.

(* Bernoulli: polynomially many points leave half of the exponentially many cubes. *)
Lemma bernoulli K N : (0 < K)%nat -> 1 / 2 * (1 - INR N / INR K) <= 1 / 2 * (1 - / INR K) ^ N.
Proof.
  intro some. apply Rmult_le_compat_l; [lra |]. assert (1 <= INR K) as k by (apply (le_INR 1), some).
  assert (0 < / INR K <= 1) as r.
  { split; [apply Rinv_0_lt_compat; lra |]. rewrite <- Rinv_1. apply Rinv_le_contravar; lra. }
  unfold Rdiv. generalize dependent (/ INR K). intros r rr. induction N as [| n IH]; [simpl; lra |].
  rewrite S_INR. simpl. assert (0 <= (1 - r) ^ n) by (apply pow_le; lra).
  assert (INR n * r * r >= 0) by (pose proof (pos_INR n); nra). nra.
Qed.

Section Algorithm.
  Variables K N : nat.
  Hypothesis some : (0 < K)%nat.
  (* from the sample, as pairs of a cube and its label, to a sign for each cube *)
  Variable algorithm : list (nat * bool) -> nat -> bool.
  Definition learned (y : list bool) (s : list nat) : nat -> bool := algorithm (map (fun k => (k, label y k)) s).
  (* the number of cubes that are wrong, for the labelling y and the sample s *)
  Definition wrong_cubes (y : list bool) (s : list nat) : nat :=
    total (seq 0 K) (fun k => miss (learned y s k) y k).

  Lemma wrong_in_all : (K * (K - 1) ^ N * 2 ^ K <=
    total (labellings K) (fun y => total (samples K N) (fun s => wrong_cubes y s)) * 2)%nat.
  Proof.
    unfold wrong_cubes. rewrite total_swap.
    assert (forall s, total (seq 0 K) (fun k => unseen k s * 2 ^ K)%nat <=
      total (labellings K) (fun y => total (seq 0 K) (fun k => miss (learned y s k) y k)) * 2)%nat as one.
    { intro s. rewrite total_swap, <- total_scale. apply total_le. intros k i. apply in_seq in i. unfold unseen.
      destruct (in_dec Nat.eq_dec k s) as [_ | out]; [simpl; lia |].
      pose proof (unseen_label k K (fun y => learned y s k)) as half. cbv beta in half.
      assert (forall a b, 2 * a = b -> 1 * b <= a * 2)%nat as two by (intros; lia). apply two, half; [lia |].
      intros y z same. unfold learned. f_equal. apply map_ext_in. intros j ij. f_equal. apply same. intros ->.
      contradiction. }
    eapply Nat.le_trans with (total (samples K N) (fun s => total (seq 0 K) (fun k => unseen k s * 2 ^ K)%nat)).
    - rewrite total_swap. rewrite <- (seq_length K 0) at 1. rewrite <- Nat.mul_assoc, <- total_constant.
      apply total_le. intros k i. apply in_seq in i. rewrite total_scale, unseen_samples by lia. lia.
    - rewrite <- total_scale. apply total_le. intros s _. apply one.
  Qed.

  (* the mean share of wrong cubes over all labellings and samples *)
  Definition mean_error : R :=
    INR (total (labellings K) (fun y => total (samples K N) (fun s => wrong_cubes y s))) /
    (INR (length (labellings K)) * INR (length (samples K N)) * INR K).

  Theorem theorem_6_2_impossibility : 1 / 2 * (1 - / INR K) ^ N <= mean_error.
  Proof.
    pose proof (le_INR _ _ wrong_in_all) as w. rewrite !mult_INR, !pow_INR, minus_INR in w by lia.
    assert (0 < INR K) as k by (apply lt_0_INR, some). unfold mean_error.
    rewrite labellings_length, samples_length, !pow_INR. replace (INR 2) with 2 in * by (simpl; lra).
      simpl (INR 1) in w.
    assert (0 < 2 ^ K) by (apply pow_lt; lra). assert (0 < INR K ^ N) by (apply pow_lt; exact k).
    apply Rmult_le_reg_r with (2 ^ K * INR K ^ N * INR K); [repeat apply Rmult_lt_0_compat; assumption |].
    unfold Rdiv. rewrite (Rmult_assoc (INR (total _ _))), Rinv_l, Rmult_1_r by (apply Rgt_not_eq; repeat apply
      Rmult_lt_0_compat; assumption).
    assert ((1 - / INR K) ^ N * INR K ^ N = (INR K - 1) ^ N) as e.
    { rewrite <- Rpow_mult_distr. f_equal. field. lra. }
    replace (1 * / 2 * (1 - / INR K) ^ N * (2 ^ K * INR K ^ N * INR K)) with
      (/ 2 * (INR K * ((1 - / INR K) ^ N * INR K ^ N) * 2 ^ K)) by ring. rewrite e. lra.
  Qed.

End Algorithm.
