(* The gate of Theorem 3.3: from the indicators I_i of points with labels y_i and the positive and the negative part of
   the clean classifier f, layers of 5, 5, 4 and 1 neurons that compute sum y_i I_i + relu (f - M k) - relu (- f - M k),
   with k = 1 - g and the gate g = relu (1 - sum I_i). At most 3 n + 26 non-zeros. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus.
Import ListNotations.
Open Scope R_scope.

Lemma cons_eq (a b : R) l m : a = b -> l = m -> a :: l = b :: m.
Proof. intros -> ->. reflexivity. Qed.
Ltac entries := repeat (apply cons_eq; [lra |]); reflexivity.

(* ---- the clean classifier as two signed outputs ---- *)
Fixpoint signed (net : list layer) : list layer :=
  match net with
  | [] => []
  | [l] => [l ++ map (fun n => (map Ropp (fst n), - snd n)) l]
  | l :: rest => l :: signed rest
  end.
Lemma dot_opposite w x : dot (map Ropp w) x = - dot w x.
Proof. revert x; induction w as [| a w IH]; destruct x; simpl; try ring. rewrite IH. ring. Qed.
Lemma signed_computes net x : eval (signed net) x = match net with [] => x | _ => eval net x ++ map Ropp (eval net x)
  end.
Proof.
  revert x; induction net as [| l net IH]; intro x; [reflexivity |]. destruct net as [| l' net].
  - simpl. rewrite affine_app. f_equal. unfold affine. rewrite !map_map. apply map_ext. intro n. simpl.
    rewrite dot_opposite. ring.
  - change (eval (l :: signed (l' :: net)) x = eval (l' :: net) (map relu (affine l x)) ++ map Ropp (eval (l' ::
    net) (map relu (affine l x)))).
    rewrite eval_cons by (simpl; destruct net; discriminate). apply IH.
Qed.
Lemma signed_length net : length (signed net) = length net.
Proof.
  induction net as [| l net IH]; [reflexivity |]. destruct net; [reflexivity |]. simpl in *. rewrite IH.
  reflexivity.
Qed.
Lemma signed_fits d net : fits d net -> fits d (signed net).
Proof.
  revert d; induction net as [| l net IH]; intros d h; [exact h |]. destruct h as [r h]. destruct net as [| l' net].
  - simpl. split; [| exact I]. apply Forall_app. split; [exact r |]. apply Forall_map. eapply Forall_impl; [| exact r].
    intros n hn. simpl. rewrite map_length. exact hn.
  - change (fits d (l :: signed (l' :: net))). split; [exact r | apply IH, h].
Qed.
Lemma nz_opposite a : nz (- a) = nz a.
Proof. unfold nz. destruct (Req_EM_T (- a) 0), (Req_EM_T a 0); try reflexivity; exfalso; lra. Qed.
Lemma signed_nonzero net : (nonzero (signed net) <= 2 * nonzero net)%nat.
Proof.
  induction net as [| l net IH]; [simpl; auto |]. destruct net as [| l' net].
  - unfold nonzero. simpl. rewrite nz_layer_app.
    assert (nz_layer (map (fun n => (map Ropp (fst n), - snd n)) l) = nz_layer l) as ->; [| lia].
    unfold nz_layer. rewrite map_map. f_equal. apply map_ext. intros [w b]. simpl. rewrite nz_opposite. f_equal.
    unfold nz_row. rewrite map_map. f_equal. apply map_ext, nz_opposite.
  - change (nz_layer l + nonzero (signed (l' :: net)) <= 2 * (nz_layer l + nonzero (l' :: net)))%nat. lia.
Qed.

(* ---- the gate ---- *)
Section Gate.
  Variable M : R.
  Variable ys : list R.                     (* labels of the centres *)
  Notation N := (length ys).
  Definition plus_row := map (fun y => (1 + y) / 2) ys.
  Definition minus_row := map (fun y => (1 - y) / 2) ys.
  Definition gate : list layer :=
    [ [(repeat (-1) N, 1); (plus_row, 0); (minus_row, 0); (repeat 0 N ++ [1], 0); (repeat 0 N ++ [0; 1], 0)];
      [([-1], 1); ([0; 1], 0); ([0; 0; 1], 0); ([0; 0; 0; 1], 0); ([0; 0; 0; 0; 1], 0)];
      [([0; 1], 0); ([0; 0; 1], 0); ([- M; 0; 0; 1; -1], 0); ([- M; 0; 0; -1; 1], 0)];
      [([1; -1; 1; -1], 0)] ].

  Lemma dot_plus Is t : length Is = N -> dot plus_row (Is ++ t) = (sum Is + sum (map (fun p => fst p * snd p)
    (List.combine ys Is))) / 2.
  Proof.
    unfold plus_row, sum. revert Is; induction ys as [| y l IH]; intros [| a Is] e; simpl in *; try discriminate;
      [lra |].
    injection e as e. rewrite (IH Is e). lra.
  Qed.
  Lemma dot_minus Is t : length Is = N -> dot minus_row (Is ++ t) = (sum Is - sum (map (fun p => fst p * snd p)
    (List.combine ys Is))) / 2.
  Proof.
    unfold minus_row, sum. revert Is; induction ys as [| y l IH]; intros [| a Is] e; simpl in *; try discriminate;
      [lra |].
    injection e as e. rewrite (IH Is e). lra.
  Qed.
  Lemma weighted_between Is : length Is = N -> (forall y, In y ys -> y = 1 \/ y = -1) -> (forall a, In a Is ->
    0 <= a) ->
    - sum Is <= sum (map (fun p => fst p * snd p) (List.combine ys Is)) <= sum Is.
  Proof.
    unfold sum. revert Is; induction ys as [| y l IH]; intros [| a Is] e lab pos; simpl in *; try discriminate; [lra |].
    injection e as e. specialize (IH Is e (fun z i => lab z (or_intror i)) (fun z i => pos z (or_intror i))).
    pose proof (pos a (or_introl eq_refl)). destruct (lab y (or_introl eq_refl)) as [-> | ->]; lra.
  Qed.

  Lemma gate_computes Is f : length Is = N -> (forall y, In y ys -> y = 1 \/ y = -1) -> (forall a, In a Is -> 0 <= a) ->
    eval gate (Is ++ [relu f; relu (- f)]) =
    [ sum (map (fun p => fst p * snd p) (List.combine ys Is))
      + relu (f - M * relu (1 - relu (1 - sum Is))) - relu (- f - M * relu (1 - relu (1 - sum Is))) ].
  Proof.
    intros len lab pos. pose proof (weighted_between Is len lab pos) as b.
    set (W := sum (map (fun p => fst p * snd p) (List.combine ys Is))) in *. set (T := sum Is) in *.
    set (k := relu (1 - relu (1 - T))).
    assert (relu f - relu (- f) = f) as whole by (destruct (relu_cases f) as [[? ->] | [? ->]],
      (relu_cases (- f)) as [[? ->] | [? ->]]; lra).
    pose proof (relu_nonneg f) as fp. pose proof (relu_nonneg (- f)) as fm.
    unfold gate. rewrite eval_cons by discriminate.
    replace (affine _ (Is ++ [relu f; relu (- f)])) with [1 - T; (T + W) / 2; (T - W) / 2; relu f; relu (- f)].
    2: { simpl. rewrite (dot_constant (-1) N Is) by exact len. rewrite dot_plus, dot_minus by exact len.
         rewrite !dot_zeros, !skipn_exact by exact len. simpl. fold T. fold W. entries. }
    rewrite eval_cons by discriminate. simpl map at 2. rewrite (relu_pos ((T + W) / 2)), (relu_pos ((T - W) / 2)),
      (relu_pos (relu f)), (relu_pos (relu (- f))) by lra.
    replace (affine _ [relu (1 - T); (T + W) / 2; (T - W) / 2; relu f; relu (- f)])
      with [1 - relu (1 - T); (T + W) / 2; (T - W) / 2; relu f; relu (- f)] by (simpl; entries).
    rewrite eval_cons by discriminate. simpl map at 1. rewrite (relu_pos ((T + W) / 2)), (relu_pos ((T - W) / 2)),
      (relu_pos (relu f)), (relu_pos (relu (- f))) by lra.
    fold k.
    replace (0 * k + _ + 0) with ((T + W) / 2) by lra.
    replace (0 * k + (0 * ((T + W) / 2) + (1 * ((T - W) / 2) + 0)) + 0) with ((T - W) / 2) by lra.
    replace (- M * k + (0 * ((T + W) / 2) + (0 * ((T - W) / 2) + (1 * relu f + (-1 * relu (- f) + 0)))) + 0) with (f -
      M * k) by lra.
    replace (- M * k + (0 * ((T + W) / 2) + (0 * ((T - W) / 2) + (-1 * relu f + (1 * relu (- f) + 0)))) + 0) with (- f
      - M * k) by lra.
    simpl. rewrite (relu_pos ((T + W) / 2)), (relu_pos ((T - W) / 2)) by lra. f_equal. lra.
  Qed.

  Lemma gate_fits : fits (N + 2) gate.
  Proof.
    unfold gate. simpl. repeat split; repeat constructor; simpl; try lia;
      unfold plus_row, minus_row; rewrite ?app_length, ?repeat_length, ?map_length; simpl; lia.
  Qed.
  Lemma gate_nonzero : (nonzero gate <= 3 * N + 26)%nat.
  Proof.
    unfold gate, nonzero, nz_layer. cbn [map fst snd list_sum fold_right].
    rewrite !nz_row_app, !nz_row_zeros.
    pose proof (nz_row_le (repeat (-1) N)) as r1. pose proof (nz_row_le plus_row) as r2.
    pose proof (nz_row_le minus_row) as r3.
    unfold plus_row, minus_row in *. rewrite repeat_length in r1. rewrite map_length in r2, r3.
    unfold nz_row in *. cbn [map list_sum fold_right]. rewrite !nz_0.
    pose proof (nz_le 1). pose proof (nz_le (-1)). pose proof (nz_le (- M)). lia.
  Qed.
End Gate.
