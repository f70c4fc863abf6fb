(* The hypotheses of Corollary 3.4 can be met: one dimension, the points 0 and 1, radius 1/4, shell 1/2. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Linf Corollary34.
Import ListNotations.
Open Scope R_scope.

Definition half : list layer := [[([1], - (1 / 2))]].
Definition pair : list (list R * R) := [([0], -1); ([1], 1)].
Example corollary_3_4_on_two_points : exists net,
  (nonzero net <= 6 * 1 * 2 + (1 + 4) * 2 + 2 * nonzero half + 30)%nat /\
  forall s x, In s pair -> length x = 1%nat -> dist_inf x (fst s) <= 1 / 4 -> 0 < snd s * nth 0 (eval net x) 0.
Proof.
  destruct (corollary_3_4 1 (1 / 4) (1 / 2) 3 1 ltac:(lra) ltac:(lra) pair pair) with
    (clean := half) (f_clean := fun x => hd 0 x - 1 / 2)
    (box := fun x => length x = 1%nat /\ dist_inf x [0] <= 2) as (net & size & _ & robust & _).
  - auto.
  - intros s [<- | [<- | []]]; reflexivity.
  - intros s [<- | [<- | []]]; simpl; auto.
  - intros s t [<- | [<- | []]] [<- | [<- | []]]; simpl; intro n; try (exfalso; apply n; reflexivity);
      unfold Rmax; repeat destruct Rle_dec; unfold Rabs in *; repeat destruct Rcase_abs; lra.
  - discriminate.
  - repeat constructor.
  - reflexivity.
  - intros [| a [| b x]] e; try discriminate. simpl. f_equal. lra.
  - intros x [e _]. exact e.
  - intros s [| a [| b x]] [<- | [<- | []]] e near; try discriminate; simpl in *; split; try reflexivity;
      revert near; unfold Rmax; repeat destruct Rle_dec; unfold Rabs in *; repeat destruct Rcase_abs; lra.
  - intros [| a [| b x]] [e near]; try discriminate; simpl in *; revert near; unfold Rmax; repeat destruct Rle_dec;
    unfold Rabs in *;
      repeat destruct Rcase_abs; lra.
  - intros s x i _ _. left. exact i.
  - lra.
  - exists net. split; [exact size | exact robust].
Qed.
