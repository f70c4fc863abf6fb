(* The squares as one strict ReLU network on any input from which the values t_k and the carried ones are affine: m
   tents take m + 1 layers. And networks of one depth on the same input, all side by side. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Assembled Square Tents.
Import ListNotations.
Open Scope R_scope.

Lemma unit_length r k a : length (unit_at r k a) = r.
Proof. apply vec_length. Qed.
Lemma list_vec x d : length x = d -> x = vec d (fun k => nth k x 0).
Proof.
  intros <-. unfold vec. induction x as [| a x IH]; [reflexivity |]. simpl. f_equal.
  rewrite <- seq_shift, map_map. exact IH.
Qed.
Lemma nz_layer_le (l : layer) a : (forall n, In n l -> (nz_row (fst n) + nz (snd n) <= a)%nat) ->
  (nz_layer l <= a * length l)%nat.
Proof.
  induction l as [| n l IH]; intro h; [apply PeanoNat.Nat.le_0_l |].
  change (nz_layer (n :: l)) with (nz_row (fst n) + nz (snd n) + nz_layer l)%nat.
  specialize (IH (fun k i => h k (or_intror i))). pose proof (h n (or_introl eq_refl)). simpl length. lia.
Qed.
Lemma nz_layer_cons n l : nz_layer (n :: l) = (nz_row (fst n) + nz (snd n) + nz_layer l)%nat.
Proof. reflexivity. Qed.
Lemma nonzero_cons l net : nonzero (l :: net) = (nz_layer l + nonzero net)%nat.
Proof. reflexivity. Qed.

Section SquareNetwork.
  Variables (r c : nat) (w : nat -> R) (lambda : list R) (constant : R).
  Hypotheses (w_nonneg : forall k, (k < r)%nat -> 0 <= w k) (lambda_length : (length lambda <= c)%nat).
  (* from the input to the values, and to what is carried *)
  Variables values kept : layer.
  Hypotheses (values_length : length values = r) (kept_length : length kept = c).
  Definition first : layer := values ++ map (fun n => (fst n, snd n - 1 / 2)) values ++ kept.
  Definition square_net (more : nat) : list layer := first :: from r c w lambda constant 1 0 more.

  Lemma square_net_computes more h t : (forall k, (k < r)%nat -> 0 <= t k <= 1) ->
    affine values h = vec r t -> (forall v, In v (affine kept h) -> 0 <= v) ->
    eval (square_net more) h =
      (squares r w t (S more) + dot lambda (affine kept h) + constant) :: affine kept h.
  Proof.
    intros range is_t nonneg. unfold square_net. rewrite eval_cons by (destruct more; discriminate).
    assert (map relu (affine first h) = state r t (affine kept h) 0 []) as ->.
    { unfold first, state. rewrite !affine_app, !map_app, is_t. f_equal; [unfold vec; rewrite map_map; reflexivity |].
      f_equal.
      - assert (affine (map (fun n => (fst n, snd n - 1 / 2)) values) h =
        map (fun v => v - 1 / 2) (affine values h)) as ->.
        { unfold affine. rewrite !map_map. apply map_ext. intro n. simpl. ring. }
        rewrite is_t. unfold vec. rewrite !map_map. reflexivity.
      - simpl. rewrite <- map_id. apply map_ext_in. intros v i. apply relu_pos, nonneg, i. }
    change 0%nat with (length (@nil R)) at 2.
    rewrite from_computes with (j := 0%nat) (s := []); try assumption; [reflexivity | | left; auto].
    rewrite affine_length. exact kept_length.
  Qed.

  Lemma tent_rows_fit b m : (r + r <= m)%nat -> Forall (fun n => (length (fst n) <= m)%nat) (tent_rows r b).
  Proof.
    intro h. apply Forall_map, Forall_forall. intros k _. simpl. rewrite app_length, !unit_length. lia.
  Qed.
  Lemma carried_fit q : Forall (fun n => (length (fst n) <= r + (r + q) + c)%nat) (carried r c q).
  Proof.
    apply Forall_map. eapply Forall_impl; [| apply identity_fits]. intros n h. simpl. rewrite app_length, repeat_length.
    simpl in h. lia.
  Qed.
  Lemma carried_length q : length (carried r c q) = c.
  Proof. unfold carried, shifted. rewrite map_length. apply identity_length. Qed.
  Lemma sum_row_length j q : length (sum_row r w j q) = (r + (r + q))%nat.
  Proof. unfold sum_row. rewrite !app_length, !vec_length, repeat_length. reflexivity. Qed.
  Lemma from_fits more : forall j q, fits (r + (r + q) + c) (from r c w lambda constant j q more).
  Proof.
    induction more as [| more IH]; intros j q; simpl; (split; [| try exact I]).
    - constructor; [| apply carried_fit]. simpl. rewrite app_length, sum_row_length. lia.
    - unfold middle. repeat (apply Forall_app; split); try (apply tent_rows_fit; lia); [| apply carried_fit].
      constructor; [| constructor]. simpl. rewrite sum_row_length. lia.
    - unfold middle. rewrite !app_length, carried_length. unfold tent_rows. rewrite !map_length, !seq_length.
      simpl length.
      replace (r + (r + (1 + c)))%nat with (r + (r + 1) + c)%nat by lia. exact (IH (S j) 1%nat).
  Qed.
  Lemma square_net_fits d more : Forall (fun n => (length (fst n) <= d)%nat) values ->
    Forall (fun n => (length (fst n) <= d)%nat) kept -> fits d (square_net more).
  Proof.
    intros f g. split.
    - unfold first. apply Forall_app. split; [exact f |]. apply Forall_app.
      split; [apply Forall_map; exact f | exact g].
    - pose proof (from_fits more 1 0) as ff. assert (length first = r + (r + 0) + c)%nat as e; [| rewrite <- e in ff;
      exact ff].
      unfold first. rewrite !app_length, map_length. unfold layer, neuron in *. lia.
  Qed.
  Lemma from_width more : forall j q, length (last (from r c w lambda constant j q more) []) = S c.
  Proof.
    induction more as [| more IH]; intros j q; [simpl; f_equal; apply carried_length |].
    specialize (IH (S j) 1%nat). simpl from. destruct (from r c w lambda constant (S j) 1 more) eqn:e; [| exact IH].
    destruct more; discriminate.
  Qed.
  Lemma square_net_width more : length (last (square_net more) []) = S c.
  Proof.
    pose proof (from_width more 1 0) as e. unfold square_net.
    destruct (from r c w lambda constant 1 0 more); [discriminate e | exact e].
  Qed.
  Lemma from_length more : forall j q, length (from r c w lambda constant j q more) = S more.
  Proof. induction more as [| more IH]; intros; simpl; [reflexivity | f_equal; apply IH]. Qed.

  Lemma tent_rows_nonzero b e : (nz b <= e)%nat -> (nz_layer (tent_rows r b) <= (2 + e) * r)%nat.
  Proof.
    intro h. assert (length (tent_rows r b) = r) as len by (unfold tent_rows; rewrite map_length; apply seq_length).
    rewrite <- len at 2. apply nz_layer_le. intros n i. apply in_map_iff in i. destruct i as (k & <- & _). simpl fst.
    simpl snd.
    rewrite nz_row_app. pose proof (nz_row_unit r k 2). pose proof (nz_row_unit r k (-4)). lia.
  Qed.
  Lemma carried_nonzero q : (nz_layer (carried r c q) <= c)%nat.
  Proof. unfold carried. rewrite shifted_nonzero. apply identity_nonzero. Qed.
  Lemma sum_row_nonzero j q : (nz_row (sum_row r w j q) <= 2 * r + q)%nat.
  Proof. pose proof (nz_row_le (sum_row r w j q)) as h. rewrite sum_row_length in h. lia. Qed.
  Lemma from_nonzero more : forall j q,
    (nonzero (from r c w lambda constant j q more) <= more * (7 * r + c) + more + q + 2 * r + nz_row lambda + 1 +
      c)%nat.
  Proof.
    induction more as [| more IH]; intros j q; simpl from; rewrite nonzero_cons.
    - change (nonzero []) with 0%nat. unfold final. rewrite nz_layer_cons. simpl fst. simpl snd. rewrite nz_row_app.
      pose proof (sum_row_nonzero j q). pose proof (carried_nonzero q). pose proof (nz_le constant). lia.
    - specialize (IH (S j) 1%nat). unfold middle. rewrite !nz_layer_app, nz_layer_cons. simpl fst. simpl snd.
      pose proof (tent_rows_nonzero 0 0) as a. rewrite nz_0 in *. specialize (a (le_n 0)).
      pose proof (tent_rows_nonzero (- (1 / 2)) 1 (nz_le _)). pose proof (sum_row_nonzero j q).
      pose proof (carried_nonzero q).
      change (nz_layer []) with 0%nat. lia.
  Qed.
  Lemma square_net_nonzero more a : (forall n, In n values -> (nz_row (fst n) <= a)%nat) ->
    (nonzero (square_net more) <= nz_layer values + (a + 1) * r + nz_layer kept +
      more * (7 * r + c) + more + 2 * r + nz_row lambda + 1 + c)%nat.
  Proof.
    intro h. unfold square_net. rewrite nonzero_cons. unfold first. rewrite !nz_layer_app.
    pose proof (from_nonzero more 1 0) as f.
    pose (lower := map (fun n => (fst n, snd n - 1 / 2)) values).
    assert (length lower = r) as e by (unfold lower; rewrite map_length; exact values_length).
    assert ((forall n, In n lower -> (nz_row (fst n) + nz (snd n) <= a + 1)%nat) ->
      (nz_layer lower <= (a + 1) * r)%nat) as b
      by (intro g; pose proof (nz_layer_le lower (a + 1) g) as b; unfold layer, neuron in *; rewrite e in b; exact b).
    enough (forall n, In n lower -> (nz_row (fst n) + nz (snd n) <= a + 1)%nat) as g
      by (specialize (b g); fold lower; lia).
    intros n i. apply in_map_iff in i. destruct i as (k & <- & j). simpl fst. simpl snd. specialize (h k j).
    pose proof (nz_le (snd k - 1 / 2)). lia.
  Qed.
End SquareNetwork.

(* ---- many networks of one depth ---- *)
Definition side_by_side (depth : nat) (nets : list (list layer)) : list layer :=
  fold_right parallel (repeat [] depth) nets.
Section SideBySide.
  Variables (d depth : nat) (nets : list (list layer)).
  Hypotheses (deep : (0 < depth)%nat) (same : forall net, In net nets -> length net = depth /\ fits d net).

  Lemma beside_length m : forall k n, length m = length n -> length (beside k m n) = length m.
  Proof.
    induction m as [| l m IH]; intros k [| l' n] e; try discriminate; [reflexivity |]. simpl.
    rewrite IH; [reflexivity |].
    injection e as e. exact e.
  Qed.
  Lemma parallel_length m n : length m = length n -> length (parallel m n) = length m.
  Proof.
    destruct m as [| l m], n as [| l' n]; intro e; try discriminate; [reflexivity |]. simpl.
    rewrite beside_length; [reflexivity |].
    injection e as e. exact e.
  Qed.
  Lemma side_by_side_all : length (side_by_side depth nets) = depth /\ fits d (side_by_side depth nets) /\
    (forall x, length x = d -> eval (side_by_side depth nets) x = flat_map (fun net => eval net x) nets) /\
    length (last (side_by_side depth nets) []) = list_sum (map (fun net => length (last net [])) nets) /\
    nonzero (side_by_side depth nets) = list_sum (map nonzero nets).
  Proof.
    induction nets as [| net l IH]; simpl side_by_side.
    - split; [apply repeat_length |]. clear - deep. destruct depth as [| k]; [lia |]. clear. repeat split.
      + simpl. constructor.
      + simpl. induction k as [| k IH]; simpl; [exact I | split; [constructor | exact IH]].
      + intros x _. revert x. induction k as [| k IH]; intro x; [reflexivity |]. exact (IH _).
      + induction k as [| k IH]; [reflexivity | exact IH].
      + unfold nonzero. induction k as [| k IH]; [reflexivity | exact IH].
    - destruct IH as (e & f & comp & wid & non); [intros; apply same; right; assumption |].
      destruct (same net (or_introl eq_refl)) as [le fi]. fold (side_by_side depth l) in *.
      assert (length net = length (side_by_side depth l)) as both by congruence.
      assert (net <> []) as some by (destruct net; [simpl in le; lia | discriminate]).
      repeat split.
      + rewrite parallel_length; assumption.
      + apply parallel_fits; assumption.
      + intros x len. rewrite parallel_computes; [| exact both | exact some | rewrite len; exact fi]. simpl.
        rewrite comp by exact len.
        reflexivity.
      + rewrite last_of_parallel by assumption. simpl. rewrite wid. reflexivity.
      + rewrite parallel_nonzero by exact both. simpl. rewrite non. reflexivity.
  Qed.
End SideBySide.
