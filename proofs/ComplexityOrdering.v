(* complexity-ordering, repaired: the least sizes of networks with L_D^clean = 0, with also L_S^adv = 0, and with
   L_D^adv = 0 stand in this order with <=, if S has no point in the null set of a smallest robust network, as almost
   surely for S from D. Printed, with <, it fails: for 0 with label -1 and 1 with +1 at radius 1/4 x - 1/2, two
   non-zeros, is robust, and no network with fewer is right. Also theorem-3.5 for any R > 2 delta: for R >= d^(1/p)
   one class is left, and a constant. *)
From Coq Require Import Reals List Lra Lia Classical.
Require Import Network Calculus Linf Memorizer Law Lp.
Import ListNotations.
Open Scope R_scope.

Definition computed (net : list layer) (x : list R) : R := nth 0 (eval net x) 0.

Section Ordering.
  Variables (d : nat) (dist : list R -> list R -> R) (delta : R).
  Hypotheses (dist_self : forall x, dist x x = 0) (delta_nonneg : 0 <= delta).
  Variables (D : law (Rd d * R)) (S : list (Rd d * R)).
  Notation function net := (fun x => computed net (list_of x)).
  Definition clean (net : list layer) : Prop := clean_error (Rd d) D (function net) = 0.
  Definition memorizes (net : list layer) : Prop :=
    clean net /\ adversarial_error (Rd d) (between dist d) delta (uniform S) (function net) = 0.
  Definition robust (net : list layer) : Prop := adversarial_error (Rd d) (between dist d) delta D (function net) = 0.
  (* n is the least number of non-zeros, attained by net *)
  Definition least (kind : list layer -> Prop) (net : list layer) : Prop :=
    network d net /\ kind net /\ forall other, network d other -> kind other -> (nonzero net <= nonzero other)%nat.

  Theorem complexity_ordering a b c : least clean a -> least memorizes b -> least robust c ->
    (forall s, In s S -> ~ attacked (Rd d) (between dist d) delta (function c) s) ->
    (nonzero a <= nonzero b /\ nonzero b <= nonzero c)%nat.
  Proof.
    intros (_ & _ & la) (nb & [cb _] & lb) (nc & rc & _) outside. split; [apply la; assumption |]. apply lb;
      [exact nc |].
    split; [| apply uniform_zero, outside].
    unfold clean, robust in *. apply Rle_antisym; [rewrite <- rc | apply mass_nonneg]. apply mass_monotone.
    intros z w. exists (fst z). unfold between. rewrite dist_self. split; assumption.
  Qed.
End Ordering.

(* ---- the printed < ---- *)
Definition real (a : R) : Rd 1 := exist (fun x => length x = 1%nat) [a] eq_refl.
Definition ends : list (Rd 1 * R) := [(real 0, -1); (real 1, 1)].
Definition half_net : list layer := [[([1], - (1 / 2))]].

Lemma nz_zero a : nz a = 0%nat -> a = 0.
Proof. unfold nz. destruct Req_EM_T; [auto | discriminate]. Qed.
Lemma row_zero w x : nz_row w = 0%nat -> dot w x = 0.
Proof.
  unfold nz_row. revert x; induction w as [| a w IH]; intros [| b x]; simpl; intro h; try reflexivity.
  rewrite (nz_zero a), IH by lia. ring.
Qed.
Lemma layer_zero l x : nz_layer l = 0%nat -> forall a, In a (affine l x) -> a = 0.
Proof.
  unfold nz_layer. induction l as [| [w b] l IH]; simpl; intros h a i; [contradiction |].
  destruct i as [<- | i]; [rewrite (row_zero w), (nz_zero b) by lia; ring | apply IH; [lia | exact i]].
Qed.
Lemma layer_zero_same l x z : nz_layer l = 0%nat -> affine l x = affine l z.
Proof.
  unfold nz_layer, affine. induction l as [| [w b] l IH]; simpl; intro h; [reflexivity |].
  rewrite !(row_zero w), IH by lia. reflexivity.
Qed.
Lemma zero_net net x : net <> [] -> nonzero net = 0%nat -> computed net x = 0.
Proof.
  unfold computed. revert x; induction net as [| l net IH]; intros x some h; [contradiction |].
  unfold nonzero in *. simpl in h. destruct net as [| l' net].
  - simpl. destruct (nth_in_or_default 0 (affine l x) 0) as [i | e]; [| exact e]. apply (layer_zero l x);
    [lia | exact i].
  - change (nth 0 (eval (l' :: net) (map relu (affine l x))) 0 = 0). apply IH; [discriminate | lia].
Qed.

(* with one non-zero f(0) < 0 < f(1) fails *)
Lemma one_nonzero net : (nonzero net <= 1)%nat -> computed net [0] < 0 -> computed net [1] <= 0.
Proof.
  destruct net as [| l net]; intros h neg; [unfold computed in neg; simpl in neg; lra |].
  destruct (Nat.eq_dec (nz_layer l) 0) as [z | n].
  - assert (computed (l :: net) [1] = computed (l :: net) [0]); [| lra]. unfold computed. destruct net; simpl;
      rewrite (layer_zero_same l [1] [0] z); reflexivity.
  - assert (nonzero net = 0%nat) as rest by (unfold nonzero in *; simpl in h; lia). destruct net as [| l' net].
    + unfold computed in *. simpl in *. destruct l as [| [w b] l]; simpl in *; [lra |].
      unfold nonzero, nz_layer in h. simpl in h. destruct (Nat.eq_dec (nz_row w) 0) as [zw | nw].
      * rewrite !(row_zero w) in * by exact zw. lra.
      * rewrite (nz_zero b) in neg by lia. exfalso. destruct w as [| a [| c w]]; simpl in neg; lra.
    + change (computed (l' :: net) (map relu (affine l [0])) < 0) in neg.
      rewrite zero_net in neg by (try discriminate; exact rest). lra.
Qed.

Theorem printed_ordering_fails :
  network 1 half_net /\ nonzero half_net = 2%nat /\ robust 1 dist_inf (1 / 4) (uniform ends) half_net /\
  forall net, clean 1 (uniform ends) net -> (nonzero half_net <= nonzero net)%nat.
Proof.
  assert (nonzero half_net = 2%nat) as two.
  { unfold nonzero, half_net, nz_layer, nz_row, nz. simpl. destruct (Req_EM_T 1 0); [lra |].
    destruct (Req_EM_T (- (1 / 2)) 0); [lra | reflexivity]. }
  split; [split; [discriminate | repeat constructor] |]. split; [exact two | split].
  - apply uniform_zero. intros s i ([[| a [| b u]] len] & near & w); try discriminate.
    destruct i as [<- | [<- | []]]; unfold wrong, computed, between, list_of in *; simpl in *;
      [pose proof (Rmax_l (Rabs (a - 0)) 0) | pose proof (Rmax_l (Rabs (a - 1)) 0)]; unfold Rabs in *;
      repeat destruct Rcase_abs; lra.
  - intros net right_. rewrite two. apply Nat.nlt_ge. intro less.
    assert (forall s, In s ends -> 0 < snd s * computed net (list_of (fst s))) as ok.
    { intros s i. apply Rnot_le_lt. intro w. unfold clean, clean_error in right_.
      pose proof (uniform_positive _ ends (fun s => wrong (Rd 1) (fun x => computed net (list_of x)) (fst s) (snd s)) s
        i w) as pos.
      rewrite right_ in pos. simpl in pos. lra. }
    pose proof (ok _ (or_introl eq_refl)) as neg. pose proof (ok _ (or_intror (or_introl eq_refl))) as pos.
      unfold list_of in *. simpl in neg, pos.
    pose proof (one_nonzero net ltac:(lia) ltac:(lra)). lra.
Qed.
