(* Layers that several indicators share: one neuron a value; from excesses E_i to the soft indicators relu (1 - relu
   E_i / gamma), two non-zeros each; sums over blocks. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus.
Import ListNotations.
Open Scope R_scope.

(* ---- a layer of one neuron a value: a v + b ---- *)
Section Each.
  Variables a b : R.
  Definition each (m : nat) : layer := map (fun k => (repeat 0 k ++ [a], b)) (seq 0 m).
  Lemma each_computes_behind h : forall pre k, length pre = k ->
    affine (map (fun k => (repeat 0 k ++ [a], b)) (seq k (length h))) (pre ++ h) = map (fun v => a * v + b) h.
  Proof.
    induction h as [| v h IH]; intros pre k e; simpl; [reflexivity |]. f_equal.
    - rewrite dot_zeros, skipn_exact by exact e. simpl. ring.
    - change (v :: h) with ([v] ++ h). rewrite app_assoc. apply IH. rewrite app_length, e. simpl. lia.
  Qed.
  Lemma each_computes h m : length h = m -> affine (each m) h = map (fun v => a * v + b) h.
  Proof. intros <-. exact (each_computes_behind h [] 0 eq_refl). Qed.
  Lemma each_length m : length (each m) = m.
  Proof. unfold each. rewrite map_length. apply seq_length. Qed.
  Lemma each_fits m : Forall (fun n => (length (fst n) <= m)%nat) (each m).
  Proof.
    apply Forall_map, Forall_forall. intros k i. apply in_seq in i. simpl. rewrite app_length, repeat_length. simpl.
    lia.
  Qed.
  Lemma each_nonzero m : (nz_layer (each m) <= 2 * m)%nat.
  Proof.
    enough (forall k, (nz_layer (map (fun k => (repeat 0%R k ++ [a], b)) (seq k m)) <= 2 * m)%nat) as all by apply all.
    induction m as [| m IH]; intro k; [apply PeanoNat.Nat.le_0_l |].
    change (nz_layer (map (fun k => (repeat 0%R k ++ [a], b)) (seq k (S m)))) with
      (nz_row (repeat 0%R k ++ [a]) + nz b + nz_layer (map (fun k => (repeat 0%R k ++ [a], b)) (seq (S k) m)))%nat.
    specialize (IH (S k)). rewrite nz_row_app, nz_row_zeros. pose proof (nz_row_le [a]) as r.
    simpl length in r. pose proof (nz_le b). lia.
  Qed.
End Each.

(* ---- from excesses E_i - threshold to the soft indicators relu (1 - relu (E_i - threshold) / gamma) ---- *)
Section Soften.
  Variables (d n : nat) (gamma : R) (net : list layer).
  Hypotheses (some : net <> []) (fit : fits d net) (width : length (last net []) = n).
  Definition soften : list layer := net ++ [each (- / gamma) 1 n].

  Lemma soften_computes x : map relu (eval soften x) = map (fun e => relu (1 - relu e / gamma)) (eval net x).
  Proof.
    unfold soften. rewrite eval_sequence by (auto; discriminate).
    change (eval [each (- / gamma) 1 n] ?h) with (affine (each (- / gamma) 1 n) h).
    rewrite each_computes.
    - rewrite !map_map. apply map_ext. intro e. f_equal. unfold Rdiv. ring.
    - rewrite map_length, <- width. clear - some. revert x. induction net as [| l m IH]; intro x; [contradiction |].
      destruct m as [| l' m]; [apply affine_length |]. rewrite eval_cons by discriminate. rewrite IH by discriminate.
      reflexivity.
  Qed.
  Lemma soften_fits : fits d soften.
  Proof. apply fits_sequence with (w := n); try assumption. simpl. split; [apply each_fits | exact I]. Qed.
  Lemma soften_width : length (last soften []) = n.
  Proof. unfold soften. rewrite last_last. apply each_length. Qed.
  Lemma soften_nonzero : (nonzero soften <= nonzero net + 2 * n)%nat.
  Proof.
    unfold soften. rewrite nonzero_app. change (nonzero [each (- / gamma) 1 n]) with (nz_layer (each (- / gamma) 1 n) +
      0)%nat.
    pose proof (each_nonzero (- / gamma) 1 n). lia.
  Qed.
End Soften.

(* ---- a layer of sums over blocks of n values: a sum + b ---- *)
Section BlockSums.
  Variables (a b : R) (n : nat).
  Fixpoint block_sums (k m : nat) : layer :=
    match m with O => [] | S m' => (repeat 0 k ++ repeat a n, b) :: block_sums (k + n) m' end.
  Lemma block_sums_compute (A : Type) (H : A -> list R) cs : (forall c, In c cs -> length (H c) = n) ->
    forall pre k, length pre = k ->
    affine (block_sums k (length cs)) (pre ++ flat_map H cs) = map (fun c => a * sum (H c) + b) cs.
  Proof.
    induction cs as [| c cs IH]; intros all pre k e; simpl; [reflexivity |].
    f_equal.
    - rewrite dot_zeros, skipn_exact by exact e. rewrite dot_constant by (apply all; left; reflexivity). reflexivity.
    - rewrite app_assoc. apply IH; [intros; apply all; right; assumption |].
      rewrite app_length, e, (all c) by (left; reflexivity). reflexivity.
  Qed.
  Lemma block_sums_length k m : length (block_sums k m) = m.
  Proof. revert k; induction m; intro k; simpl; [reflexivity | rewrite IHm; reflexivity]. Qed.
  Lemma block_sums_fit k m d : (k + m * n <= d)%nat -> Forall (fun r => (length (fst r) <= d)%nat) (block_sums k m).
  Proof.
    revert k; induction m as [| m IH]; intros k h; simpl in *; constructor.
    - simpl. rewrite app_length, !repeat_length. lia.
    - apply IH. lia.
  Qed.
  Lemma block_sums_nonzero k m : (nz_layer (block_sums k m) <= m * (n + 1))%nat.
  Proof.
    revert k; induction m as [| m IH]; intro k; [simpl; auto |].
    change (nz_layer (block_sums k (S m))) with
      (nz_row (repeat 0%R k ++ repeat a n) + nz b + nz_layer (block_sums (k + n) m))%nat.
    rewrite nz_row_app, nz_row_zeros. pose proof (nz_row_le (repeat a n)) as r. rewrite repeat_length in r.
    pose proof (nz_le b). specialize (IH (k + n)%nat). lia.
  Qed.
End BlockSums.
