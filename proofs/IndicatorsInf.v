(* The soft indicators of p = infinity as two layers of a strict ReLU network: two neurons for each centre and
   coordinate, then 1 - excess / gamma for each centre; at most 6 d + 1 non-zeros a centre. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Linf Layers.
Import ListNotations.
Open Scope R_scope.

(* ---- first layer: two neurons for each centre and coordinate ---- *)
Section Sides.
  Variable delta : R.
  Fixpoint sides (k : nat) (c : list R) : layer :=
    match c with
    | [] => []
    | b :: c' => (repeat 0 k ++ [1], - b - delta) :: (repeat 0 k ++ [-1], b - delta) :: sides (S k) c'
    end.
  Definition hidden (x c : list R) : list R := map relu (affine (sides 0 c) x).

  Lemma sides_length k c : length (sides k c) = (2 * length c)%nat.
  Proof. revert k; induction c as [| b c IH]; intro k; simpl; [reflexivity | rewrite IH; simpl; lia]. Qed.
  Lemma sides_excess c : forall k x, (k + length c = length x)%nat ->
    sum (map relu (affine (sides k c) x)) = excess delta (skipn k x) c.
  Proof.
    induction c as [| b c IH]; intros k x len; simpl in *.
    - destruct (skipn k x); reflexivity.
    - fold (affine (sides (S k) c) x). fold (sum (map relu (affine (sides (S k) c) x))). rewrite IH by lia.
      rewrite !dot_zeros. destruct (skipn k x) as [| a y] eqn:e.
      + exfalso. assert (length (skipn k x) = 0)%nat by (rewrite e; reflexivity). rewrite skipn_length in H. lia.
      + assert (skipn (S k) x = y) as e'.
        { rewrite skipn_S, e. reflexivity. }
        rewrite e'. simpl. replace (1 * a + 0 + (- b - delta)) with (a - b - delta) by ring.
        replace (-1 * a + 0 + (b - delta)) with (b - a - delta) by ring. ring.
  Qed.
  Lemma sides_fit k c d : (k + length c <= d)%nat -> Forall (fun n => (length (fst n) <= d)%nat) (sides k c).
  Proof.
    revert k; induction c as [| b c IH]; intros k h; simpl in *; [constructor |].
    repeat constructor; simpl; try (rewrite app_length, repeat_length; simpl; lia). apply IH. lia.
  Qed.
  Lemma sides_nonzero k c : (nz_layer (sides k c) <= 4 * length c)%nat.
  Proof.
    revert k; induction c as [| b c IH]; intro k; [simpl; auto |].
    change (nz_layer (sides k (b :: c))) with
      (nz_row (repeat 0%R k ++ [1%R]) + nz (- b - delta) + (nz_row (repeat 0%R k ++ [(-1)%R]) + nz (b - delta) +
        nz_layer (sides (S k) c)))%nat.
    rewrite !nz_row_app, !nz_row_zeros. pose proof (nz_row_le [1]). pose proof (nz_row_le [-1]).
    pose proof (nz_le (- b - delta)). pose proof (nz_le (b - delta)). specialize (IH (S k)). simpl length in *. lia.
  Qed.
End Sides.

(* ---- and behind it 1 - E_i / gamma, by sums over blocks ---- *)
Section Features.
  Variables (d : nat) (delta gamma : R).
  Hypothesis gamma_pos : 0 < gamma.
  Variable centres : list (list R).
  Hypothesis dimension : forall c, In c centres -> length c = d.
  Definition features_inf : list layer :=
    [flat_map (sides delta 0) centres; block_sums (- / gamma) 1 (2 * d) 0 (length centres)].

  Lemma features_inf_compute x : length x = d ->
    map relu (eval features_inf x) = map (fun c => indicator_inf delta gamma c x) centres.
  Proof.
    intro len. unfold features_inf. simpl eval.
    assert (map relu (affine (flat_map (sides delta 0) centres) x) = [] ++ flat_map (hidden delta x) centres) as ->.
    { simpl. unfold hidden. clear. induction centres as [| c cs IH]; simpl; [reflexivity |].
      rewrite affine_app, map_app, IH. reflexivity. }
    rewrite block_sums_compute with (k := 0%nat); [| | reflexivity].
    - rewrite map_map. apply map_ext_in. intros c i. unfold indicator_inf. f_equal.
      unfold hidden. rewrite sides_excess by (simpl; rewrite (dimension c i); symmetry; exact len).
      simpl. unfold Rdiv. ring.
    - intros c i. unfold hidden. rewrite map_length, affine_length, sides_length, (dimension c i). reflexivity.
  Qed.

  Lemma features_inf_width : length (last features_inf []) = length centres.
  Proof. simpl. apply block_sums_length. Qed.

  Lemma features_inf_fit : fits d features_inf.
  Proof.
    simpl. repeat split.
    - apply Forall_flat_map. apply Forall_forall. intros c i. apply sides_fit. simpl. rewrite (dimension c i). lia.
    - apply block_sums_fit. simpl.
      assert (length (flat_map (sides delta 0) centres) = length centres * (2 * d))%nat as ->; [| lia].
      induction centres as [| c cs IH]; simpl; [reflexivity |].
      rewrite app_length, sides_length, (dimension c) by (left; reflexivity).
      rewrite IH by (intros; apply dimension; right; assumption). simpl. lia.
  Qed.

  Lemma features_inf_nonzero : (nonzero features_inf <= (6 * d + 1) * length centres)%nat.
  Proof.
    change (nonzero features_inf) with
      (nz_layer (flat_map (sides delta 0) centres) +
        (nz_layer (block_sums (- / gamma) 1 (2 * d) 0 (length centres)) + 0))%nat.
    pose proof (block_sums_nonzero (- / gamma) 1 (2 * d) 0 (length centres)) as r.
    assert (nz_layer (flat_map (sides delta 0) centres) <= 4 * d * length centres)%nat; [| nia].
    clear r. induction centres as [| c cs IH]; [apply PeanoNat.Nat.le_0_l |]. simpl flat_map. rewrite nz_layer_app.
    pose proof (sides_nonzero delta 0 c) as s. rewrite (dimension c) in s by (left; reflexivity).
    specialize (IH (fun c i => dimension c (or_intror i))). simpl length. nia.
  Qed.
End Features.
