(* The hypotheses can be met: of Corollary 3.4 for p = 1 and p = 2 by the points 0 and 1 of one dimension, radius 1/4,
   shell 1/2; of the rules of literals by the same points, radius 1/8, shell 1/4, and one rule of one literal; of
   Theorem 5.2, both its conditions, by two points of the plane, one of small margin, alpha = 1, beta = 1/2, radius
   1/2, b = 1. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Linf Vectors Tents Euclid L1 L2 L1Shared L2Shared AnyIndicators Hoelder Rules
  RulesRobust
  Theorem52 Theorem52Overlap.
Import ListNotations.
Open Scope R_scope.

Ltac cases := unfold Rabs in *; repeat destruct Rcase_abs; lra.
Definition half : list layer := [[([1], - (1 / 2))]].
Definition pair : list (list R * R) := [([0], -1); ([1], 1)].
Lemma pair_labelled : labelled 1 pair.
Proof. intros s [<- | [<- | []]]; simpl; auto. Qed.
Lemma half_classifies : classifier 1 half (fun x => hd 0 x - 1 / 2).
Proof.
  split; [discriminate | repeat constructor | reflexivity |]. intros [| a [| b x]] e; try discriminate. simpl. f_equal.
  lra.
Qed.
Lemma dist_2_line a b : dist_2 [a] [b] = Rabs (a - b).
Proof. unfold dist_2. simpl. rewrite Rplus_0_r. apply sqrt_Rsqr_abs. Qed.

Definition left_end (k : nat) : R := -1.
Definition right_end (k : nat) : R := 2.
Lemma line_bound x : length x = 1%nat -> in_box 1 left_end right_end x -> Rabs (hd 0 x - 1 / 2) <= 3.
Proof.
  intros e b. destruct x as [| a [| c x]]; try discriminate. specialize (b 0%nat ltac:(lia)).
  unfold left_end, right_end in b.
  simpl in *. cases.
Qed.
Lemma pair_sample dist : (forall a b, dist [a] [b] = Rabs (a - b)) ->
  sample dist 1 (1 / 4) 1 (in_box 1 left_end right_end) (fun x => hd 0 x - 1 / 2) pair pair.
Proof.
  intro line. split; [exact pair_labelled | auto | | |].
  - intros s t [<- | [<- | []]] [<- | [<- | []]] n; simpl in *; try (exfalso; apply n; reflexivity); rewrite line;
    cases.
  - intros s x i len near k h. destruct x as [| a [| b x]]; try discriminate. assert (k = 0%nat) as -> by lia.
    unfold left_end, right_end. simpl. destruct i as [<- | [<- | []]]; simpl in near; rewrite line in near; cases.
  - auto.
Qed.

Example two_points_l1 : exists net, forall s x, In s pair -> length x = 1%nat -> dist_1 x (fst s) <= 1 / 4 ->
  1 <= snd s * nth 0 (eval net x) 0.
Proof.
  destruct (corollary_3_4_l1_shared 1 (1 / 4) (1 / 2) 3 (le_n 1) ltac:(lra) pair pair_labelled) with (low := left_end)
    (box := in_box 1 left_end right_end) (2 := half_classifies) as (net & F & _ & _ & _ & _ & robust & _).
  - intros cy [<- | [<- | []]] j h; assert (j = 0%nat) as -> by lia; simpl; lra.
  - intros x b j h. apply b, h.
  - exact line_bound.
  - exists net. intros s x i len near. apply (robust pair 1); try assumption; [lra |].
    apply pair_sample. intros. simpl. lra.
Qed.
Example two_points_l2 : exists net, forall s x, In s pair -> length x = 1%nat -> dist_2 x (fst s) <= 1 / 4 ->
  1 <= snd s * nth 0 (eval net x) 0.
Proof.
  destruct (corollary_3_4_l2_shared 1 (1 / 4) (1 / 2) 3 ltac:(lra) ltac:(lra) left_end right_end) with (small :=
    pair) (m := 3%nat)
    (3 := half_classifies) as (net & _ & _ & robust & _).
  - intros. unfold left_end, right_end. lra.
  - exact pair_labelled.
  - exact line_bound.
  - lia.
  - unfold left_end, right_end. simpl. lra.
  - exists net. intros s x i len near. apply (robust pair 1); try assumption; [lra |]. apply pair_sample, dist_2_line.
Qed.

Definition upper : literal := {| form := [1]; threshold := 1 / 2; high := true |}.
Definition only : rule := {| level_of := 0; class_of := 1; counted := Some 0%nat; against := [] |}.
Example one_rule : exists net, (nonzero net <= 5)%nat /\ forall s x, In s [([0], 0%nat); ([1], 1%nat)] ->
  length x = 1%nat -> dist_inf x (fst s) <= 1 / 8 ->
  nth (1 - snd s) (eval net x) 0 + 1 / 2 <= nth (snd s) (eval net x) 0.
Proof.
  destruct (corollary_3_4_i_rules dist_inf norm1 l_inf 1 2 0 (1 / 8) (1 / 4) 6 ltac:(lra) ltac:(lra) [upper] [only])
    with (points := [([0], 0%nat); ([1], 1%nat)]) (covered :=
      fun s : list R * nat => if snd s then None else Some 0%nat)
    as (net & size & _ & _ & right).
  - split; [intros l [<- | []]; auto |]. intros r [<- | []].
    split; simpl; [intros i e; injection e as <-; lia | intros i []].
  - intros s [<- | [<- | []]]; simpl; auto.
  - intros s x i h len near k. simpl in k. assert (i = 0%nat) as -> by lia.
    destruct x as [| a [| b x]]; try discriminate.
    unfold value, slope, neuron_of. simpl. apply Rle_trans with (Rmax 0 6); [| unfold Rmax; destruct Rle_dec; lra].
    apply Rle_max_compat_l.
    destruct h as [<- | [<- | []]]; simpl in near; unfold Rmax in near; destruct Rle_dec in near; cases.
  - intros s [<- | [<- | []]]; simpl; [reflexivity |]. exists only. repeat split; [left; reflexivity | |].
    + intros i e. injection e as <-. unfold true_on, norm1, neuron_of. simpl. cases.
    + intros i [].
  - intros s r [<- | [<- | []]] [<- | []]; simpl; intros other _; [| contradiction]. left. exists 0%nat.
    split; [reflexivity |].
    unfold false_on, true_on, opposite, norm1, neuron_of. simpl. cases.
  - exists net. split.
    + eapply PeanoNat.Nat.le_trans; [exact size |]. simpl. pose proof (nz_row_le [1]). simpl in *. lia.
    + intros s x i len near. apply right; try assumption; destruct i as [<- | [<- | []]]; simpl; lia.
Qed.

Definition axis : list R := [1; 0].
Definition two_noises (i : nat) : list R := match i with O => [0; 2] | _ => [0; -1] end.
Definition first_small (i : nat) : bool := Nat.eqb i 0.
Lemma first_smalls : smalls 2 first_small = [0%nat].
Proof. reflexivity. Qed.
Lemma two_noises_norm : norm_2 (two_noises 0) = 2.
Proof. unfold norm_2. simpl. replace (0 * 0 + (2 * 2 + 0)) with (2 * 2) by ring. apply sqrt_square. lra. Qed.
Lemma root_below a b : 0 <= b -> a <= b * b -> sqrt a <= b.
Proof. intros pos le. rewrite <- (sqrt_square b pos). apply sqrt_le_1_alt, le. Qed.

Example target_of_two i z : (i < 2)%nat -> length z = 2%nat ->
  dist_2 z (point axis 1 (1 / 2) (fun _ => 1) two_noises first_small i) <= 1 / 2 ->
  0 < 1 * target 2 axis 1 (fun _ => 1) two_noises first_small z.
Proof.
  apply theorem_5_2_target with (y := fun _ => 1); rewrite ?first_smalls.
  - reflexivity.
  - simpl. ring.
  - auto.
  - intros j h. destruct j as [| [| j]]; simpl; split; try reflexivity; ring.
  - lra.
  - intros k j h [<- | []] ne. destruct k as [| [| k]]; [contradiction | | lia]. rewrite two_noises_norm.
    unfold point. simpl. lra.
  - intros j [<- | []]. rewrite two_noises_norm. pose proof (root_below (1 + 2 * 2) 3 ltac:(lra) ltac:(lra)). lra.
Qed.
Example target_with_overlap i z : (i < 2)%nat -> length z = 2%nat ->
  dist_2 z (point axis 10 (1 / 2) (fun _ => 1) two_noises first_small i) <= 1 / 2 ->
  0 < 1 * target 2 axis 1 (fun _ => 1) two_noises first_small z.
Proof.
  apply theorem_5_2_overlap with (y := fun _ => 1) (a := 2) (top := 2) (c := 2) (lambda := 4); rewrite ?first_smalls.
  - reflexivity.
  - simpl. ring.
  - auto.
  - intros j h. destruct j as [| [| j]]; simpl; split; try reflexivity; ring.
  - split; [lra |]. intros j [<- | []]. rewrite two_noises_norm. lra.
  - intros k j h [<- | []] ne. destruct k as [| [| k]]; [contradiction | | lia]. simpl. cases.
  - intros S s nd sub. destruct S as [| j [| k S]].
    + simpl. lra.
    + destruct (sub j (or_introl eq_refl)) as [<- | []]. simpl. nra.
    + exfalso. destruct (sub j (or_introl eq_refl)) as [<- | []].
      destruct (sub k (or_intror (or_introl eq_refl))) as [<- | []]. inversion_clear nd as [| ? ? no _]. apply no.
      left. reflexivity.
  - intros k h. simpl in h. assert (k = 0%nat \/ k = 1%nat) as [-> | ->] by lia; unfold joint_square; simpl INR.
    + pose proof (root_below (1 + 0 * Rmin 4 (2 * 2 + (0 - 1) * 2)) 1 ltac:(lra) ltac:(lra)). lra.
    + pose proof (Rmin_l 4 (2 * 2 + (1 - 1) * 2)).
      pose proof (root_below (1 + 1 * Rmin 4 (2 * 2 + (1 - 1) * 2)) 3 ltac:(lra) ltac:(lra)). lra.
  - intros k h. simpl in h. assert (k = 0%nat) as -> by lia. unfold joint_square. simpl INR.
    pose proof (Rmin_l 4 (2 * 2 + (1 - 1) * 2)).
    pose proof (root_below (1 + 1 * Rmin 4 (2 * 2 + (1 - 1) * 2)) 3 ltac:(lra) ltac:(lra)). lra.
Qed.
