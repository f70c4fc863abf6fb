(* Theorem 3.3 and Corollary 3.4, repaired, for any soft indicators, with the ledger's count: the indicators of each
   class are summed before they wait, and the gate has 23 non-zeros, so that nonzero(f_hat) <= nonzero(indicators) + n
   + 2 nonzero(f_clean) + 2 depth(f_hat) + 23. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Gate Memorizer Assembled.
Import ListNotations.
Open Scope R_scope.

(* From T_{+1}, T_{-1}, relu f, relu (- f): f_hat. *)
Definition class_gate (M : R) : list layer :=
  [ [([-1; -1], 1); ([1], 0); ([0; 1], 0); ([0; 0; 1], 0); ([0; 0; 0; 1], 0)];
    [([-1], 1); ([0; 1], 0); ([0; 0; 1], 0); ([0; 0; 0; 1], 0); ([0; 0; 0; 0; 1], 0)];
    [([0; 1], 0); ([0; 0; 1], 0); ([- M; 0; 0; 1], 0); ([- M; 0; 0; 0; 1], 0)];
    [([1; -1; 1; -1], 0)] ].

Lemma class_gate_fits M : fits 4 (class_gate M).
Proof. unfold class_gate. simpl. repeat split; repeat constructor; simpl; lia. Qed.
Lemma class_gate_nonzero M : (nonzero (class_gate M) <= 23)%nat.
Proof.
  unfold class_gate, nonzero, nz_layer, nz_row. cbn [map fst snd list_sum fold_right]. rewrite !nz_0.
  pose proof (nz_le 1). pose proof (nz_le (-1)). pose proof (nz_le (- M)). lia.
Qed.

Lemma relu_of_relu_less f m : 0 <= m -> relu (relu f - m) = relu (f - m).
Proof. intro. destruct (relu_cases f) as [[? ->] | [? ->]]; [reflexivity |]. rewrite !relu_neg; lra. Qed.

Lemma class_gate_computes M P Q f : 0 <= M -> 0 <= P -> 0 <= Q ->
  eval (class_gate M) [P; Q; relu f; relu (- f)] =
  [P - Q + relu (f - M * relu (1 - relu (1 - (P + Q)))) - relu (- f - M * relu (1 - relu (1 - (P + Q))))].
Proof.
  intros m p q. set (k := relu (1 - relu (1 - (P + Q)))).
  assert (0 <= M * k) by (apply Rmult_le_pos; [exact m | apply relu_nonneg]).
  pose proof (relu_nonneg f). pose proof (relu_nonneg (- f)).
  unfold class_gate. rewrite !eval_cons by discriminate.
  replace (affine _ [P; Q; relu f; relu (- f)]) with [1 - (P + Q); P; Q; relu f; relu (- f)] by (simpl; entries).
  change (map relu [1 - (P + Q); P; Q; relu f; relu (- f)]) with
    [relu (1 - (P + Q)); relu P; relu Q; relu (relu f); relu (relu (- f))].
  rewrite (relu_pos P), (relu_pos Q), (relu_pos (relu f)), (relu_pos (relu (- f))) by lra.
  replace (affine _ [relu (1 - (P + Q)); P; Q; relu f; relu (- f)])
    with [1 - relu (1 - (P + Q)); P; Q; relu f; relu (- f)] by (simpl; entries).
  change (map relu [1 - relu (1 - (P + Q)); P; Q; relu f; relu (- f)]) with
    [k; relu P; relu Q; relu (relu f); relu (relu (- f))].
  rewrite (relu_pos P), (relu_pos Q), (relu_pos (relu f)), (relu_pos (relu (- f))) by lra.
  replace (affine _ [k; P; Q; relu f; relu (- f)]) with [P; Q; relu f - M * k; relu (- f) - M * k] by (simpl; entries).
  simpl. rewrite (relu_pos P), (relu_pos Q), !relu_of_relu_less by lra. f_equal. lra.
Qed.

(* ---- sums by class ---- *)
Section Classes.
  Variable ys : list R.
  Hypothesis labels : forall y, In y ys -> y = 1 \/ y = -1.
  Definition class_sums : layer := [(plus_row ys, 0); (minus_row ys, 0)].

  Lemma class_sums_nonzero : (nz_layer class_sums <= length ys)%nat.
  Proof.
    unfold class_sums, nz_layer. cbn [map fst snd list_sum fold_right]. rewrite nz_0.
    unfold plus_row, minus_row, nz_row. clear - labels. induction ys as [| y l IH]; [simpl; lia |].
    specialize (IH (fun z i => labels z (or_intror i))).
    cbn [map list_sum fold_right length] in *. fold (list_sum (map nz (map (fun y => (1 + y) / 2) l))) in *.
    fold (list_sum (map nz (map (fun y => (1 - y) / 2) l))) in *.
    pose proof (nz_le ((1 + y) / 2)). pose proof (nz_le ((1 - y) / 2)).
    assert (nz ((1 + y) / 2) = 0 \/ nz ((1 - y) / 2) = 0)%nat; [| lia].
    destruct (labels y (or_introl eq_refl)) as [-> | ->]; [right | left];
      (replace (_ / 2) with 0 by lra); apply nz_0.
  Qed.
  Lemma class_sums_fit : fits (length ys) [class_sums].
  Proof. simpl. repeat constructor; simpl; unfold plus_row, minus_row; rewrite map_length; lia. Qed.

  Variable Is : list R.
  Hypotheses (len : length Is = length ys) (pos : forall a, In a Is -> 0 <= a).
  Notation T := (sum Is).
  Notation W := (sum (map (fun p => fst p * snd p) (List.combine ys Is))).
  Lemma class_sums_compute : map relu (affine class_sums Is) = [(T + W) / 2; (T - W) / 2].
  Proof.
    pose proof (weighted_between ys Is len labels pos). simpl.
    pose proof (dot_plus ys Is [] len) as p. pose proof (dot_minus ys Is [] len) as m. rewrite app_nil_r in p, m.
    rewrite p, m, !Rplus_0_r, !relu_pos by lra. reflexivity.
  Qed.
End Classes.

Lemma padded k m net x : net <> [] -> length (eval net x) = m ->
  map relu (eval (net ++ carry k m) x) = map relu (eval net x).
Proof.
  intros some len. destruct k as [| k]; [rewrite app_nil_r; reflexivity |].
  rewrite eval_sequence by (auto; discriminate). apply carry_computes; [exact len | lia].
Qed.
Lemma last_of_padded k m net : length (last net []) = m -> length (last (net ++ carry k m) []) = m.
Proof. destruct k; intro; [rewrite app_nil_r; assumption | apply last_of_carry; lia]. Qed.
Lemma padded_fits d k m net : fits d net -> net <> [] -> length (last net []) = m -> fits d (net ++ carry k m).
Proof. intros. apply fits_sequence with (w := m); auto using carry_fits. Qed.

Section ByClass.
  Variables (d : nat) (M : R).
  Variable small : list (list R * R).
  Hypothesis labels : forall cy, In cy small -> snd cy = 1 \/ snd cy = -1.
  Notation N := (length small).
  Notation ys := (map snd small).
  (* layers whose outputs, behind a ReLU, are the indicators I of the centres *)
  Variable I : list R -> list R -> R.
  Hypothesis I_nonneg : forall c x, 0 <= I c x.
  Variable features : list layer.
  Hypothesis features_nonempty : features <> [].
  Hypothesis features_fit : fits d features.
  Hypothesis features_width : length (last features []) = N.
  Variable box : list R -> Prop.
  Hypothesis features_compute :
    forall x, length x = d -> box x -> map relu (eval features x) = map (fun cy => I (fst cy) x) small.
  (* the clean classifier, a network with one output *)
  Variable clean : list layer.
  Hypothesis clean_nonempty : clean <> [].
  Hypothesis clean_fits : fits d clean.
  Hypothesis one_output : length (last clean []) = 1%nat.
  Variable f_clean : list R -> R.
  Hypothesis clean_computes : forall x, length x = d -> eval clean x = [f_clean x].

  Notation L := (length clean).
  Notation F := (length features).
  Definition memory_part : list layer := (features ++ [class_sums ys]) ++ carry (L - (F + 1)) 2.
  Definition clean_part : list layer := signed clean ++ carry (F + 1 - L) 2.
  Definition by_class : list layer := parallel memory_part clean_part ++ class_gate M.

  Lemma labels_of_list y : In y ys -> y = 1 \/ y = -1.
  Proof. intro i. apply in_map_iff in i. destruct i as (cy & <- & j). apply labels, j. Qed.
  Lemma same_depth : length memory_part = length clean_part.
  Proof.
    clear. unfold memory_part, clean_part. rewrite !app_length, signed_length, !carry_length. simpl. lia.
  Qed.
  Lemma memory_part_nonempty : memory_part <> [].
  Proof. unfold memory_part. destruct features; discriminate. Qed.
  Lemma sums_nonempty : features ++ [class_sums ys] <> [].
  Proof. destruct features; discriminate. Qed.
  Lemma parts_nonempty : parallel memory_part clean_part <> [].
  Proof.
    pose proof same_depth as s. pose proof memory_part_nonempty as m. destruct memory_part; [contradiction |].
    destruct clean_part; [discriminate |]. simpl. discriminate.
  Qed.
  Lemma parts_fit : fits d memory_part /\ fits d clean_part.
  Proof.
    split; apply padded_fits; auto using signed_fits, signed_nonempty, last_of_signed, sums_nonempty.
    - apply fits_sequence with (w := N); auto. rewrite <- (map_length snd). apply class_sums_fit.
    - rewrite last_last. reflexivity.
  Qed.
  Lemma by_class_length : length by_class = (Nat.max L (F + 1) + 4)%nat.
  Proof.
    assert (forall k m n, length m = length n -> length (beside k m n) = length m) as b.
    { intros k m. revert k. induction m as [| l m IH]; intros k [| l' n] e; try discriminate; [reflexivity |].
      simpl. rewrite IH; [reflexivity |]. injection e as e. exact e. }
    assert (forall m n, length m = length n -> length (parallel m n) = length m) as p.
    { intros [| l m] [| l' n] e; try discriminate; [reflexivity |]. simpl. rewrite b; [reflexivity |].
      injection e as e. exact e. }
    unfold by_class. rewrite app_length, p by apply same_depth. rewrite same_depth. unfold clean_part.
    rewrite app_length, signed_length, carry_length. simpl. lia.
  Qed.

  Lemma by_class_computes x : length x = d -> box x -> 0 <= M ->
    eval by_class x = [f_hat (list R) small f_clean I M x].
  Proof.
    intros len inb nonneg. unfold by_class. destruct parts_fit as [fit _].
    rewrite eval_sequence; [| exact parts_nonempty | discriminate].
    rewrite parallel_computes; [| exact same_depth | exact memory_part_nonempty | rewrite len; exact fit].
    rewrite map_app. unfold memory_part, clean_part.
    rewrite !padded; auto using signed_nonempty, sums_nonempty.
    2: { rewrite signed_computes. destruct clean as [| l0 r] eqn:ec; [contradiction |]. rewrite <- ec in *.
         rewrite (clean_computes x len). reflexivity. }
    2: { rewrite eval_sequence by (auto; discriminate). reflexivity. }
    rewrite signed_computes. destruct clean as [| l0 r] eqn:ec; [contradiction |]. rewrite <- ec in *.
    rewrite (clean_computes x len). rewrite eval_sequence by (auto; discriminate).
    rewrite features_compute by assumption.
    change (eval [class_sums ys] ?h) with (affine (class_sums ys) h).
    set (Is := map (fun cy => I (fst cy) x) small).
    assert (length Is = length ys) as e by (unfold Is; rewrite !map_length; reflexivity).
    assert (forall a, In a Is -> 0 <= a) as pos.
    { intros a i. apply in_map_iff in i. destruct i as (cy & <- & _). apply I_nonneg. }
    pose proof (weighted_between ys Is e labels_of_list pos) as between.
    rewrite (class_sums_compute ys labels_of_list Is e pos).
    change (map relu ([f_clean x] ++ map Ropp [f_clean x])) with [relu (f_clean x); relu (- f_clean x)].
    set (T := sum Is) in *. set (W := sum (map _ _)) in *.
    change ([(T + W) / 2; (T - W) / 2] ++ [relu (f_clean x); relu (- f_clean x)])
      with [(T + W) / 2; (T - W) / 2; relu (f_clean x); relu (- f_clean x)].
    rewrite class_gate_computes by lra. replace ((T + W) / 2 + (T - W) / 2) with T by lra.
    replace ((T + W) / 2 - (T - W) / 2) with W by lra.
    unfold f_hat, memory, lock, total. fold Is. fold T. repeat f_equal.
    unfold W, Is. clear. induction small as [| cy l IH]; simpl; [reflexivity |]. f_equal. exact IH.
  Qed.

  Lemma by_class_fits : fits d by_class.
  Proof.
    destruct parts_fit as [fit fit']. unfold by_class. apply fits_sequence with (w := 4%nat).
    - apply parallel_fits; auto using same_depth.
    - exact parts_nonempty.
    - rewrite last_of_parallel by auto using same_depth, memory_part_nonempty. unfold memory_part, clean_part.
      rewrite !last_of_padded; auto using last_of_signed. rewrite last_last. reflexivity.
    - apply class_gate_fits.
  Qed.

  Lemma by_class_size :
    (nonzero by_class <= nonzero features + N + 2 * nonzero clean + 2 * length by_class + 23)%nat.
  Proof.
    rewrite by_class_length. unfold by_class. rewrite nonzero_app, parallel_nonzero by exact same_depth.
    unfold memory_part, clean_part. rewrite !nonzero_app.
    pose proof (carry_nonzero (L - (F + 1)) 2). pose proof (carry_nonzero (F + 1 - L) 2).
    pose proof (signed_nonzero clean). pose proof (class_gate_nonzero M).
    pose proof (class_sums_nonzero ys labels_of_list) as s. rewrite map_length in s.
    change (nonzero [class_sums ys]) with (nz_layer (class_sums ys) + 0)%nat. lia.
  Qed.
End ByClass.
