(* The network of the squares: from r values t_k in [0, 1] and c values carried along, all >= 0, to the sum sum_k w_k
   f_m(t_k) + lambda . carried + constant and the carried values, in m + 1 layers; the sums are shared, so that a
   further tent costs 7 r + c + 1 non-zeros. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Square.
Import ListNotations.
Open Scope R_scope.

(* ---- vectors by their entries ---- *)
Definition vec (r : nat) (f : nat -> R) : list R := map f (seq 0 r).
Lemma vec_length r f : length (vec r f) = r.
Proof. unfold vec. rewrite map_length. apply seq_length. Qed.
Lemma vec_ext r f h : (forall k, (k < r)%nat -> f k = h k) -> vec r f = vec r h.
Proof. intro e. apply map_ext_in. intros k i. apply in_seq in i. apply e. lia. Qed.
Lemma dot_app u v x y : length u = length x -> dot (u ++ v) (x ++ y) = dot u x + dot v y.
Proof.
  revert x; induction u as [| a u IH]; intros [| b x] e; simpl in *; try discriminate; [ring |].
  injection e as e. rewrite (IH x e). ring.
Qed.
Lemma dot_vec r w f : dot (vec r w) (vec r f) = sum (vec r (fun k => w k * f k)).
Proof. unfold vec. induction (seq 0 r) as [| k l IH]; simpl; [reflexivity | rewrite IH; reflexivity]. Qed.
Lemma sum_vec_plus r f h : sum (vec r (fun k => f k + h k)) = sum (vec r f) + sum (vec r h).
Proof. unfold vec. induction (seq 0 r) as [| k l IH]; simpl; [ring | rewrite IH; ring]. Qed.
Lemma sum_vec_le r f h : (forall k, (k < r)%nat -> f k <= h k) -> sum (vec r f) <= sum (vec r h).
Proof.
  intro le. unfold vec. assert (forall k, In k (seq 0 r) -> f k <= h k) as all by (intros k i; apply in_seq in i;
    apply le; lia).
  clear le. induction (seq 0 r) as [| k l IH]; simpl; [lra |].
  pose proof (all k (or_introl eq_refl)). specialize (IH (fun j i => all j (or_intror i))). lra.
Qed.
Lemma sum_vec_zero r : sum (vec r (fun _ => 0)) = 0.
Proof. unfold vec. induction (seq 0 r) as [| k l IH]; simpl; [reflexivity | rewrite IH; ring]. Qed.

Definition unit_at (r k : nat) (a : R) : list R := vec r (fun j => if Nat.eqb j k then a else 0).
Lemma dot_unit r k a f : (k < r)%nat -> dot (unit_at r k a) (vec r f) = a * f k.
Proof.
  intro h. unfold unit_at. rewrite dot_vec. unfold vec.
  assert (forall l, NoDup l -> sum (map (fun j => (if Nat.eqb j k then a else 0) * f j) l) =
    if in_dec PeanoNat.Nat.eq_dec k l then a * f k else 0) as all.
  { induction l as [| j l IH]; intro nd; [reflexivity |]. inversion_clear nd as [| ? ? no nd']. specialize (IH nd').
    simpl map. simpl sum. unfold sum in *. simpl fold_right. rewrite IH.
    destruct (in_dec PeanoNat.Nat.eq_dec k (j :: l)) as [i | n], (in_dec PeanoNat.Nat.eq_dec k l) as [i' | n'],
      (PeanoNat.Nat.eqb_spec j k) as [e | ne]; subst; try ring; exfalso; simpl in *; intuition. }
  rewrite all by apply seq_NoDup. destruct in_dec as [_ | n]; [reflexivity |]. exfalso. apply n, in_seq. lia.
Qed.
Lemma nz_row_unit r k a : (nz_row (unit_at r k a) <= 1)%nat.
Proof.
  unfold unit_at, vec, nz_row. rewrite map_map.
  assert (forall l, NoDup l -> (list_sum (map (fun j => nz (if Nat.eqb j k then a else 0%R)) l) <=
    if in_dec PeanoNat.Nat.eq_dec k l then 1 else 0)%nat) as all.
  { induction l as [| j l IH]; intro nd; [simpl; lia |]. inversion_clear nd as [| ? ? no nd']. specialize (IH nd').
    cbn [map list_sum fold_right]. fold (list_sum (map (fun j => nz (if Nat.eqb j k then a else 0%R)) l)).
    pose proof (nz_le a). pose proof nz_0.
    destruct (in_dec PeanoNat.Nat.eq_dec k (j :: l)) as [i | n], (in_dec PeanoNat.Nat.eq_dec k l) as [i' | n'],
      (PeanoNat.Nat.eqb_spec j k) as [e | ne]; subst; try lia; exfalso; simpl in *; intuition. }
  specialize (all (seq 0 r) (seq_NoDup r 0)). destruct in_dec; lia.
Qed.
Lemma nz_row_vec r f : (nz_row (vec r f) <= r)%nat.
Proof. pose proof (nz_row_le (vec r f)). rewrite vec_length in *. assumption. Qed.

Section Tents.
  Variables (r c : nat) (w : nat -> R) (lambda : list R) (constant : R).
  Hypotheses (w_nonneg : forall k, (k < r)%nat -> 0 <= w k) (lambda_length : (length lambda <= c)%nat).

  Definition tent_rows (b : R) : layer := map (fun k => (unit_at r k 2 ++ unit_at r k (-4), b)) (seq 0 r).
  Definition share (j : nat) : R := match j with 1%nat => 1 / 2 | _ => - 2 / 4 ^ j end.
  Definition share_above (j : nat) : R := match j with 1%nat => 1 | _ => 4 / 4 ^ j end.
  Definition sum_row (j q : nat) : list R := vec r (fun k => share j * w k) ++ vec r (fun k => share_above j * w k) ++
    repeat 1 q.
  Definition carried (q : nat) : layer := shifted (r + (r + q)) (identity c).
  Definition middle (j q : nat) : layer :=
    tent_rows 0 ++ tent_rows (- (1 / 2)) ++ [(sum_row j q, 0)] ++ carried q.
  Definition final (j q : nat) : layer := (sum_row j q ++ lambda, constant) :: carried q.
  (* after the j-th layer; q = 1 once there is a sum *)
  Fixpoint from (j q more : nat) : list layer :=
    match more with O => [final j q] | S more' => middle j q :: from (S j) 1 more' end.

  Variable t : nat -> R.
  Hypothesis t_range : forall k, (k < r)%nat -> 0 <= t k <= 1.
  Variable carry : list R.
  Hypotheses (carry_length : length carry = c) (carry_nonneg : forall v, In v carry -> 0 <= v).

  Definition squares (m : nat) : R := sum (vec r (fun k => w k * square m (t k))).
  Definition state (j : nat) (s : list R) : list R :=
    vec r (fun k => relu (tents j (t k))) ++ vec r (fun k => relu (tents j (t k) - 1 / 2)) ++ s ++ carry.

  Lemma squares_nonneg m : 0 <= squares m.
  Proof.
    rewrite <- (sum_vec_zero r). apply sum_vec_le. intros k h. apply Rmult_le_pos; [apply w_nonneg, h |].
    apply square_nonneg, t_range, h.
  Qed.
  Lemma sums_of_state j s : (s = [] /\ j = 0%nat) \/ (s = [squares j] /\ j <> 0%nat) ->
    dot (sum_row (S j) (length s) ++ lambda) (state j s) = squares (S j) + dot lambda carry.
  Proof.
    intro how. unfold sum_row, state. rewrite <- !app_assoc.
    rewrite !dot_app by (rewrite ?vec_length, ?repeat_length; reflexivity). rewrite !dot_vec.
    assert (forall k, (k < r)%nat -> relu (tents j (t k)) = tents j (t k)) as pos.
    { intros k h. apply relu_pos, tents_range, t_range, h. }
    assert (forall k, 4 * relu (tents j (t k) - 1 / 2) = 2 * relu (tents j (t k)) - tents (S j) (t k)) as half.
    { intro k. rewrite tents_next. unfold tent. ring. }
    rewrite <- !Rplus_assoc, <- sum_vec_plus.
    destruct how as [[-> ->] | [-> some]].
    - simpl dot at 1. rewrite Rplus_0_r. f_equal. unfold squares. f_equal. apply vec_ext. intros k h.
      specialize (half k). specialize (pos k h). change (share 1) with (1 / 2). change (share_above 1) with 1.
      change (square 1 (t k)) with (t k - tents 1 (t k) / 4 ^ 1). change (tents 0 (t k)) with (t k) in *.
      rewrite pos in *. replace (1 * w k * relu (t k - 1 / 2)) with (w k / 4 * (4 * relu (t k - 1 / 2))) by field.
      rewrite half. simpl pow. field.
    - simpl dot at 1. rewrite Rplus_0_r, Rmult_1_l. f_equal. unfold squares. rewrite <- sum_vec_plus. f_equal.
      apply vec_ext. intros k h. specialize (half k). specialize (pos k h).
      assert (share (S j) = - 2 / 4 ^ S j /\ share_above (S j) = 4 / 4 ^ S j) as [-> ->] by (destruct j;
        [contradiction | split; reflexivity]).
      change (square (S j) (t k)) with (square j (t k) - tents (S j) (t k) / 4 ^ S j).
      assert (0 < 4 ^ S j) by (apply pow_lt; lra). rewrite pos in *.
      replace (4 / 4 ^ S j * w k * relu (tents j (t k) - 1 / 2)) with
        (w k / 4 ^ S j * (4 * relu (tents j (t k) - 1 / 2))) by (field; lra).
      rewrite half. field. lra.
  Qed.
  Lemma carried_of_state j s : affine (carried (length s)) (state j s) = carry.
  Proof.
    unfold carried, state.
    match goal with |- affine _ (?a ++ ?b ++ s ++ carry) = _ =>
      replace (a ++ b ++ s ++ carry) with ((a ++ b ++ s) ++ carry) by (rewrite <- !app_assoc; reflexivity) end.
    rewrite affine_shifted; [apply identity_of, carry_length |]. rewrite !app_length, !vec_length. lia.
  Qed.
  Lemma tent_rows_of_state b j s : affine (tent_rows b) (state j s) = vec r (fun k => tents (S j) (t k) + b).
  Proof.
    unfold tent_rows, affine. rewrite map_map. apply map_ext_in. intros k i. apply in_seq in i. simpl fst. simpl snd.
    unfold state. rewrite dot_app by (rewrite vec_length; apply vec_length).
    rewrite dot_short by (unfold unit_at; rewrite !vec_length; auto). rewrite !dot_unit by lia.
    rewrite tents_next. unfold tent. ring.
  Qed.
  Lemma middle_of_state j s : (s = [] /\ j = 0%nat) \/ (s = [squares j] /\ j <> 0%nat) ->
    map relu (affine (middle (S j) (length s)) (state j s)) = state (S j) [squares (S j)].
  Proof.
    intro how. unfold middle. rewrite !affine_app, !tent_rows_of_state, carried_of_state, !map_app. unfold state at 2.
    f_equal; [unfold vec; rewrite map_map; apply map_ext; intro; f_equal; ring |].
    f_equal; [unfold vec; rewrite map_map; apply map_ext; intro; f_equal; ring |].
    f_equal.
    - simpl. f_equal. pose proof (sums_of_state j s how) as e.
      assert (dot (sum_row (S j) (length s)) (state j s) = squares (S j)) as ->.
      { unfold sum_row, state in *. rewrite <- !app_assoc in e.
        rewrite !dot_app in e by (rewrite ?vec_length, ?repeat_length; reflexivity).
        rewrite !dot_app by (rewrite ?vec_length, ?repeat_length; reflexivity).
        rewrite dot_short by (rewrite repeat_length; auto). lra. }
      rewrite Rplus_0_r. apply relu_pos, squares_nonneg.
    - rewrite <- map_id. apply map_ext_in. intros v i. apply relu_pos, carry_nonneg, i.
  Qed.
  Lemma from_computes more : forall j s, (s = [] /\ j = 0%nat) \/ (s = [squares j] /\ j <> 0%nat) ->
    eval (from (S j) (length s) more) (state j s) = (squares (S j + more) + dot lambda carry + constant) :: carry.
  Proof.
    induction more as [| more IH]; intros j s how.
    - simpl from. change (affine (final (S j) (length s)) (state j s) = (squares (S j + 0) + dot lambda carry +
      constant) :: carry).
      unfold final. change (dot (sum_row (S j) (length s) ++ lambda) (state j s) + constant ::
        affine (carried (length s)) (state j s) = (squares (S j + 0) + dot lambda carry + constant) :: carry).
      rewrite sums_of_state by exact how. rewrite carried_of_state. rewrite PeanoNat.Nat.add_0_r. reflexivity.
    - simpl from. rewrite eval_cons by (destruct more; discriminate). rewrite middle_of_state by exact how.
      change (from (S (S j)) 1 more) with (from (S (S j)) (length [squares (S j)]) more).
      rewrite IH by (right; split; [reflexivity | discriminate]).
      replace (S j + S more)%nat with (S (S j) + more)%nat by lia. reflexivity.
  Qed.
End Tents.
