(* Building networks from pieces, in sequence, side by side, carried through: what they compute, that rows fit their
   inputs, and the number of their non-zeros. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network.
Import ListNotations.
Open Scope R_scope.

(* Rows no longer than the input; a shorter row stands for itself with zeros behind. *)
Fixpoint fits (d : nat) (net : list layer) : Prop :=
  match net with [] => True | l :: rest => Forall (fun n => (length (fst n) <= d)%nat) l /\ fits (length l) rest end.

Definition nz (a : R) : nat := if Req_EM_T a 0 then 0 else 1.
Definition nz_row (w : list R) : nat := list_sum (map nz w).
Definition nz_layer (l : layer) : nat := list_sum (map (fun n => nz_row (fst n) + nz (snd n))%nat l).
Definition nonzero (net : list layer) : nat := list_sum (map nz_layer net).

Lemma nz_le a : (nz a <= 1)%nat.
Proof. unfold nz. destruct Req_EM_T; lia. Qed.
Lemma nz_0 : nz 0 = 0%nat.
Proof. unfold nz. destruct Req_EM_T; [reflexivity | contradiction]. Qed.
Lemma nz_row_app u v : nz_row (u ++ v) = (nz_row u + nz_row v)%nat.
Proof. unfold nz_row. rewrite map_app, list_sum_app. reflexivity. Qed.
Lemma nz_row_zeros k : nz_row (repeat 0 k) = 0%nat.
Proof. unfold nz_row. induction k; simpl; [reflexivity | rewrite nz_0; exact IHk]. Qed.
Lemma nz_row_le w : (nz_row w <= length w)%nat.
Proof. unfold nz_row. induction w as [| a w IH]; simpl; [lia |]. pose proof (nz_le a). lia. Qed.
Lemma nz_layer_app l m : nz_layer (l ++ m) = (nz_layer l + nz_layer m)%nat.
Proof. unfold nz_layer. rewrite map_app, list_sum_app. reflexivity. Qed.
Lemma nonzero_app m n : nonzero (m ++ n) = (nonzero m + nonzero n)%nat.
Proof. unfold nonzero. rewrite map_app, list_sum_app. reflexivity. Qed.

(* ---- dot products ---- *)
Lemma dot_nil_r w : dot w [] = 0.
Proof. destruct w; reflexivity. Qed.
Lemma dot_zeros k w x : dot (repeat 0 k ++ w) x = dot w (skipn k x).
Proof.
  revert x; induction k as [| k IH]; intro x; simpl; [reflexivity |].
  destruct x as [| a x]; simpl; [rewrite dot_nil_r; reflexivity | rewrite IH; ring].
Qed.
Lemma dot_short w x y : (length w <= length x)%nat -> dot w (x ++ y) = dot w x.
Proof.
  revert x; induction w as [| a w IH]; destruct x; simpl; intro h; try lia; try reflexivity. rewrite IH by lia.
  reflexivity.
Qed.
Lemma dot_constant a n h t : length h = n -> dot (repeat a n) (h ++ t) = a * sum h.
Proof.
  revert h; induction n as [| n IH]; intros [| b h] e; simpl in *; try discriminate; [ring |].
  injection e as e. rewrite (IH h e). unfold sum. simpl. ring.
Qed.
Lemma skipn_S (A : Type) k (x : list A) : skipn (S k) x = tl (skipn k x).
Proof. revert x; induction k as [| k IH]; intros [| a x]; try reflexivity. apply IH. Qed.
Lemma skipn_exact (A : Type) (x y : list A) k : length x = k -> skipn k (x ++ y) = y.
Proof. intros <-. induction x; simpl; [reflexivity | exact IHx]. Qed.

Lemma affine_app l m x : affine (l ++ m) x = affine l x ++ affine m x.
Proof. apply map_app. Qed.
Lemma affine_length l x : length (affine l x) = length l.
Proof. apply map_length. Qed.

(* ---- in sequence: a ReLU between ---- *)
Lemma eval_sequence m n x : m <> [] -> n <> [] -> eval (m ++ n) x = eval n (map relu (eval m x)).
Proof.
  intros hm hn. revert x. induction m as [| l m IH]; intro x; [contradiction |]. destruct m as [| l' m].
  - simpl. destruct n; [contradiction | reflexivity].
  - change (eval (l :: (l' :: m) ++ n) x) with (eval ((l' :: m) ++ n) (map relu (affine l x))). apply IH. discriminate.
Qed.
Lemma eval_cons l n x : n <> [] -> eval (l :: n) x = eval n (map relu (affine l x)).
Proof. destruct n; [contradiction | reflexivity]. Qed.
Lemma fits_sequence d m n w : fits d m -> m <> [] -> length (last m []) = w -> fits w n -> fits d (m ++ n).
Proof.
  revert d; induction m as [| l m IH]; intros d h some e f; [contradiction |]. destruct h as [r h].
  destruct m as [| l' m].
  - simpl in *. subst w. split; assumption.
  - split; [exact r |]. apply (IH (length l) h); [discriminate | exact e | exact f].
Qed.

(* ---- the identity, for values >= 0 ---- *)
Fixpoint identity (m : nat) : layer :=
  match m with O => [] | S m => ([1], 0) :: map (fun n => (0 :: fst n, snd n)) (identity m) end.
Lemma identity_computes h : affine (identity (length h)) h = h.
Proof.
  induction h as [| a h IH]; simpl; [reflexivity |]. f_equal; [destruct h; ring |].
  unfold affine in *. rewrite map_map. simpl. rewrite <- IH at 2. apply map_ext. intro n. ring.
Qed.
Lemma identity_length m : length (identity m) = m.
Proof. induction m; simpl; [reflexivity | rewrite map_length; f_equal; exact IHm]. Qed.
Lemma identity_fits m : Forall (fun n => (length (fst n) <= m)%nat) (identity m).
Proof.
  induction m as [| m IH]; simpl; constructor; [simpl; lia |]. apply Forall_map. eapply Forall_impl; [| exact IH].
  simpl. intros. lia.
Qed.
Lemma identity_nonzero m : (nz_layer (identity m) <= m)%nat.
Proof.
  induction m as [| m IH]; [simpl; auto |]. simpl. unfold nz_layer in *.
  change (nz_row [1%R] + nz 0%R + list_sum (map (fun n => nz_row (fst n) + nz (snd n)) (map (fun n => (0%R ::
    fst n, snd n)) (identity m))) <= S m)%nat.
  rewrite map_map. rewrite (map_ext _ (fun n => nz_row (fst n) + nz (snd n))%nat).
  - pose proof (nz_row_le [1]) as one. change (length [1]) with 1%nat in one. pose proof nz_0 as z. rewrite z. lia.
  - intro n. unfold nz_row. simpl. rewrite nz_0. reflexivity.
Qed.
Lemma relu_twice h : map relu (map relu h) = map relu h.
Proof. rewrite map_map. apply map_ext. intro a. apply relu_pos, relu_nonneg. Qed.

Definition carry (k m : nat) : list layer := repeat (identity m) k.
Lemma identity_of m h : length h = m -> affine (identity m) h = h.
Proof. intros <-. apply identity_computes. Qed.
Lemma carry_computes k m h : length h = m -> (0 < k)%nat -> map relu (eval (carry k m) (map relu h)) = map relu h.
Proof.
  intros len pos. destruct k as [| k]; [lia |]. clear pos.
  assert (affine (identity m) (map relu h) = map relu h) as keep by (apply identity_of; rewrite map_length; exact len).
  induction k as [| k IH].
  - change (map relu (affine (identity m) (map relu h)) = map relu h). rewrite keep. apply relu_twice.
  - change (carry (S (S k)) m) with (identity m :: carry (S k) m).
    rewrite eval_cons by discriminate. rewrite keep, relu_twice. exact IH.
Qed.
Lemma carry_fits k m : fits m (carry k m).
Proof. induction k; simpl; [exact I |]. split; [apply identity_fits | rewrite identity_length; exact IHk]. Qed.
Lemma carry_nonzero k m : (nonzero (carry k m) <= k * m)%nat.
Proof.
  induction k as [| k IH]; [simpl; auto |]. change (nonzero (carry (S k) m)) with (nz_layer (identity m) + nonzero
    (carry k m))%nat.
  pose proof (identity_nonzero m). lia.
Qed.
Lemma carry_length k m : length (carry k m) = k.
Proof. apply repeat_length. Qed.

(* ---- side by side: two networks of one depth on the same input ---- *)
Definition shifted (k : nat) (l : layer) : layer := map (fun n => (repeat 0 k ++ fst n, snd n)) l.
Fixpoint beside (k : nat) (m n : list layer) : list layer :=
  match m, n with l :: m', l' :: n' => (l ++ shifted k l') :: beside (length l) m' n' | _, _ => [] end.
Definition parallel (m n : list layer) : list layer :=
  match m, n with l :: m', l' :: n' => (l ++ l') :: beside (length l) m' n' | _, _ => [] end.

Lemma affine_shifted k l g h : length g = k -> affine (shifted k l) (g ++ h) = affine l h.
Proof.
  intro e. unfold affine, shifted. rewrite map_map. apply map_ext. intros [w b]. simpl.
  rewrite dot_zeros, skipn_exact by exact e. reflexivity.
Qed.
Lemma affine_short l g h : Forall (fun n => (length (fst n) <= length g)%nat) l -> affine l (g ++ h) = affine l g.
Proof.
  intro f. apply map_ext_in. intros n i. rewrite dot_short; [reflexivity |].
  exact (proj1 (Forall_forall _ _) f n i).
Qed.

Lemma beside_computes m : forall n g h, length m = length n -> m <> [] -> fits (length g) m ->
  eval (beside (length g) m n) (g ++ h) = eval m g ++ eval n h.
Proof.
  induction m as [| l m IH]; intros n g h len some f; [contradiction |]. destruct n as [| l' n]; [discriminate |].
  injection len as len. destruct f as [r f]. simpl beside. destruct m as [| l2 m], n as [| l2' n]; try discriminate.
  - simpl. rewrite affine_app, affine_short, affine_shifted by (auto; reflexivity). reflexivity.
  - rewrite eval_cons by discriminate. rewrite affine_app, affine_short, affine_shifted, map_app by (auto; reflexivity).
    rewrite <- (affine_length l g), <- (map_length relu). rewrite IH; [reflexivity | exact len | discriminate |].
    rewrite map_length, affine_length. exact f.
Qed.
Theorem parallel_computes m n x : length m = length n -> m <> [] -> fits (length x) m ->
  eval (parallel m n) x = eval m x ++ eval n x.
Proof.
  intros len some f. destruct m as [| l m]; [contradiction |]. destruct n as [| l' n]; [discriminate |].
  injection len as len.
  destruct f as [r f]. simpl parallel. destruct m as [| l2 m], n as [| l2' n]; try discriminate.
  - simpl. apply affine_app.
  - rewrite eval_cons by discriminate. rewrite affine_app, map_app.
    rewrite <- (affine_length l x), <- (map_length relu). rewrite beside_computes;
      [reflexivity | exact len | discriminate |].
    rewrite map_length, affine_length. exact f.
Qed.

Lemma shifted_nonzero k l : nz_layer (shifted k l) = nz_layer l.
Proof.
  unfold nz_layer, shifted. rewrite map_map. f_equal. apply map_ext. intros [w b]. simpl.
  rewrite nz_row_app, nz_row_zeros. reflexivity.
Qed.
Lemma beside_nonzero m : forall k n, length m = length n -> nonzero (beside k m n) = (nonzero m + nonzero n)%nat.
Proof.
  induction m as [| l m IH]; intros k n len; destruct n as [| l' n]; try discriminate; [reflexivity |].
  injection len as len.
  unfold nonzero in *. simpl. rewrite nz_layer_app, shifted_nonzero, (IH (length l) n len). lia.
Qed.
Lemma parallel_nonzero m n : length m = length n -> nonzero (parallel m n) = (nonzero m + nonzero n)%nat.
Proof.
  destruct m as [| l m], n as [| l' n]; intro len; try discriminate; [reflexivity |]. injection len as len.
  unfold nonzero at 1. simpl. rewrite nz_layer_app. fold (nonzero (beside (length l) m n)).
  rewrite beside_nonzero by exact len.
  unfold nonzero. simpl. lia.
Qed.
Lemma beside_fits m : forall k n a, length m = length n -> fits k m -> fits a n -> fits (k + a) (beside k m n).
Proof.
  induction m as [| l m IH]; intros k n a len f g; destruct n as [| l' n]; try discriminate; [exact I |].
  injection len as len.
  destruct f as [r f], g as [r' g]. simpl. split.
  - apply Forall_app. split; [eapply Forall_impl; [| exact r]; simpl; intros; lia |].
    apply Forall_map. eapply Forall_impl; [| exact r']. simpl. intros q hq. rewrite app_length, repeat_length. lia.
  - rewrite app_length. unfold shifted. rewrite map_length. apply IH; assumption.
Qed.
Lemma parallel_fits d m n : length m = length n -> fits d m -> fits d n -> fits d (parallel m n).
Proof.
  destruct m as [| l m], n as [| l' n]; intros len f g; try discriminate; [exact I |]. injection len as len.
  destruct f as [r f], g as [r' g]. simpl. split; [apply Forall_app; split; assumption |].
  rewrite app_length. apply beside_fits; assumption.
Qed.
