(* Levels that all centres share: values of single coordinates, to which every coordinate of every centre is rounded. A
   centre then costs one weight a coordinate. n d levels do without rounding; for centres of the cube [0, 1]^d,
   rounding by at most tau needs at most d (1 + 1 / (2 tau)). *)
From Coq Require Import Reals List Lra Lia ZArith.
Require Import Network Calculus Vectors Tents SquareNetwork.
Import ListNotations.
Open Scope R_scope.

(* ---- a row with an entry at each chosen place ---- *)
Lemma dot_add u v x : length u = length v -> dot (add u v) x = dot u x + dot v x.
Proof.
  revert v x; induction u as [| a u IH]; intros [| b v] x e; try discriminate; simpl; [ring |].
  destruct x as [| c x]; [ring |].
  injection e as e. rewrite (IH v x e). ring.
Qed.
Lemma nz_row_cons a u : nz_row (a :: u) = (nz a + nz_row u)%nat.
Proof. reflexivity. Qed.
Lemma nz_row_add u v : (nz_row (add u v) <= nz_row u + nz_row v)%nat.
Proof.
  revert v; induction u as [| a u IH]; intros [| b v]; try apply PeanoNat.Nat.le_0_l. simpl add. rewrite !nz_row_cons.
  specialize (IH v). assert (nz (a + b) <= nz a + nz b)%nat; [| lia].
  unfold nz. destruct (Req_EM_T (a + b) 0), (Req_EM_T a 0), (Req_EM_T b 0); try lia. exfalso. lra.
Qed.

Section Row.
  Variables (size : nat) (a : R).
  Definition row_at (places : list nat) : list R :=
    fold_right (fun i => add (unit_at size i a)) (vec size (fun _ => 0)) places.
  Lemma row_at_length places : length (row_at places) = size.
  Proof.
    induction places as [| i l IH]; simpl; [apply vec_length |]. apply add_length; [apply unit_length | exact IH].
  Qed.
  Lemma dot_row_at places f : (forall i, In i places -> (i < size)%nat) ->
    dot (row_at places) (vec size f) = a * sum (map f places).
  Proof.
    induction places as [| i l IH]; intro h; simpl.
    - rewrite dot_vec. rewrite (vec_ext _ _ (fun _ => 0)) by (intros; ring). rewrite sum_vec_zero. ring.
    - rewrite dot_add by (rewrite unit_length, row_at_length; reflexivity).
      rewrite dot_unit by (apply h; left; reflexivity). rewrite IH by (intros; apply h; right; assumption).
      unfold sum. simpl. ring.
  Qed.
  Lemma nz_row_at places : (nz_row (row_at places) <= length places)%nat.
  Proof.
    induction places as [| i l IH]; simpl row_at.
    - unfold vec, nz_row. rewrite map_map. induction (seq 0 size) as [| k s IH]; [simpl; auto |].
      change (nz 0%R + list_sum (map (fun _ => nz 0%R) s) <= 0)%nat.
      rewrite nz_0 at 1. exact IH.
    - pose proof (nz_row_add (unit_at size i a) (row_at l)). pose proof (nz_row_unit size i a).
      change (fold_right _ _ l) with (row_at l). simpl length. lia.
  Qed.
End Row.

(* ---- levels: pairs of a coordinate and a value; for each centre and coordinate the number of a level ---- *)
Section Levels.
  Variables (d : nat) (centres : list (list R)) (levels : list (nat * R)) (chosen : list R -> nat -> nat).
  Definition level (i : nat) : nat * R := nth i levels (0%nat, 0).
  Definition levels_fit : Prop := (forall p, In p levels -> (fst p < d)%nat) /\
    forall c, In c centres -> forall j, (j < d)%nat -> (chosen c j < length levels)%nat /\ fst (level (chosen c j)) = j.
  Definition rounded (c : list R) : list R := vec d (fun j => snd (level (chosen c j))).
  Definition rounded_by (tau : R) : Prop := forall c, In c centres -> forall j, (j < d)%nat ->
    Rabs (nth j (rounded c) 0 - nth j c 0) <= tau.

  Lemma rounded_length c : length (rounded c) = d.
  Proof. apply vec_length. Qed.
  Lemma nth_vec r f k : (k < r)%nat -> nth k (vec r f) 0 = f k.
  Proof.
    intro h. unfold vec. rewrite nth_indep with (d' := f 0%nat) by (rewrite map_length, seq_length; exact h).
    rewrite map_nth, seq_nth by exact h. reflexivity.
  Qed.
  Lemma nth_rounded c j : (j < d)%nat -> nth j (rounded c) 0 = snd (level (chosen c j)).
  Proof. apply (nth_vec d (fun j => snd (level (chosen c j)))). Qed.
  Lemma map_levels (A : Type) (f : nat * R -> A) : map f levels = map (fun i => f (level i)) (seq 0 (length levels)).
  Proof.
    unfold level. induction levels as [| p l IH]; [reflexivity |]. simpl. f_equal. rewrite <- seq_shift, map_map.
    exact IH.
  Qed.
  Definition places (c : list R) : list nat := map (chosen c) (seq 0 d).
  Lemma places_fit c : levels_fit -> In c centres -> forall i, In i (places c) -> (i < length levels)%nat.
  Proof.
    intros [_ fit] ic i h. apply in_map_iff in h. destruct h as (j & <- & k). apply in_seq in k. apply (fit c ic). lia.
  Qed.
  Lemma places_length c : length (places c) = d.
  Proof. unfold places. rewrite map_length. apply seq_length. Qed.
  Lemma sum_over_places (f : nat -> R -> R) c : levels_fit -> In c centres ->
    sum (map (fun i => f (fst (level i)) (snd (level i))) (places c)) =
      sum (vec d (fun j => f j (nth j (rounded c) 0))).
  Proof.
    intros [_ fit] ic. unfold places, vec. rewrite map_map. f_equal. apply map_ext_in. intros j k. apply in_seq in k.
    rewrite nth_rounded by lia. destruct (fit c ic j) as [_ ->]; [lia | reflexivity].
  Qed.
End Levels.

(* ---- every coordinate of every centre a level of its own ---- *)
Section Own.
  Variables (d : nat) (centres : list (list R)).
  Fixpoint place (c : list R) (l : list (list R)) : nat :=
    match l with [] => 0%nat | b :: l' => if list_eq_dec Req_EM_T b c then 0%nat else S (place c l') end.
  Lemma place_spec c l : In c l -> (place c l < length l)%nat /\ nth (place c l) l [] = c.
  Proof.
    induction l as [| b l IH]; intros i; [contradiction |]. simpl.
    destruct list_eq_dec as [-> | n]; [split; [lia | reflexivity] |].
    destruct i as [e | i]; [contradiction |]. destruct (IH i) as [p q]. split; [lia | exact q].
  Qed.
  Definition own_levels : list (nat * R) :=
    map (fun i => ((i mod d)%nat, nth (i mod d) (nth (i / d) centres []) 0)) (seq 0 (length centres * d)).
  Definition own (c : list R) (j : nat) : nat := (place c centres * d + j)%nat.
  Lemma own_level i : (i < length centres * d)%nat ->
    level own_levels i = ((i mod d)%nat, nth (i mod d) (nth (i / d) centres []) 0).
  Proof.
    intro h. unfold level, own_levels.
    set (f := fun i => ((i mod d)%nat, nth (i mod d) (nth (i / d) centres []) 0)).
    rewrite nth_indep with (d' := f 0%nat) by (rewrite map_length, seq_length; exact h).
    rewrite map_nth, seq_nth by exact h.
    reflexivity.
  Qed.
  Lemma own_levels_length : length own_levels = (length centres * d)%nat.
  Proof. unfold own_levels. rewrite map_length. apply seq_length. Qed.
  Lemma own_at c j : In c centres -> (j < d)%nat -> (own c j < length centres * d)%nat /\
    level own_levels (own c j) = (j, nth j c 0).
  Proof.
    intros ic h. destruct (place_spec c centres ic) as [p q].
    assert (own c j < length centres * d)%nat as b by (unfold own; nia).
    split; [exact b |]. rewrite own_level by exact b. unfold own.
    rewrite PeanoNat.Nat.add_comm, PeanoNat.Nat.mod_add, PeanoNat.Nat.div_add by lia.
    rewrite PeanoNat.Nat.mod_small, PeanoNat.Nat.div_small by exact h. simpl plus. rewrite q. reflexivity.
  Qed.
  Lemma own_levels_fit : levels_fit d centres own_levels own.
  Proof.
    split.
    - intros p i. apply in_map_iff in i. destruct i as (k & <- & h). apply in_seq in h.
      apply PeanoNat.Nat.mod_upper_bound. nia.
    - intros c ic j h. destruct (own_at c j ic h) as [b e]. rewrite own_levels_length, e. auto.
  Qed.
  Lemma own_levels_exact : rounded_by d centres own_levels own 0.
  Proof.
    intros c ic j h. rewrite nth_rounded by exact h. destruct (own_at c j ic h) as [_ ->]. simpl snd.
    replace (nth j c 0 - nth j c 0) with 0 by ring. rewrite Rabs_R0. lra.
  Qed.
End Own.

(* ---- the middles of cells of width 2 tau ---- *)
Section Grid.
  Variables (d : nat) (centres : list (list R)) (tau : R).
  Hypothesis tau_pos : 0 < tau.
  Hypothesis cube : forall c, In c centres -> forall j, (j < d)%nat -> 0 <= nth j c 0 <= 1.
  Definition cells : nat := Z.to_nat (up (/ (2 * tau))).
  Definition cell (v : R) : nat := Z.to_nat (up (v / (2 * tau)) - 1).
  Definition grid_levels : list (nat * R) :=
    map (fun i => ((i / cells)%nat, (INR (i mod cells) + 1 / 2) * (2 * tau))) (seq 0 (d * cells)).
  Definition grid (c : list R) (j : nat) : nat := (j * cells + cell (nth j c 0%R))%nat.

  Lemma cells_bound : INR cells <= 1 + / (2 * tau).
  Proof.
    assert (0 < / (2 * tau)) by (apply Rinv_0_lt_compat; lra). pose proof (archimed (/ (2 * tau))) as [a b].
    assert (0 <= up (/ (2 * tau)))%Z by (apply le_IZR; simpl; lra).
    unfold cells. rewrite INR_IZR_INZ, Z2Nat.id by assumption. lra.
  Qed.
  Lemma cell_spec v : 0 <= v <= 1 -> (cell v < cells)%nat /\ Rabs ((INR (cell v) + 1 / 2) * (2 * tau) - v) <= tau.
  Proof.
    intro h. assert (0 < / (2 * tau)) as ip by (apply Rinv_0_lt_compat; lra).
    assert (v / (2 * tau) <= / (2 * tau)) as le by (unfold Rdiv; nra).
    assert (0 <= v / (2 * tau)) as pos by (apply Rmult_le_pos; lra).
    pose proof (archimed (v / (2 * tau))) as [a b]. pose proof (archimed (/ (2 * tau))) as [a' b'].
    assert (1 <= up (v / (2 * tau)))%Z as one by (apply Zlt_le_succ with (n := 0%Z); apply lt_IZR; simpl; lra).
    assert (up (v / (2 * tau)) - 1 < up (/ (2 * tau)))%Z as lt by (apply lt_IZR; rewrite minus_IZR; lra).
    split; [unfold cell, cells; apply Z2Nat.inj_lt; lia |].
    unfold cell. rewrite INR_IZR_INZ, Z2Nat.id by lia. rewrite minus_IZR. set (u := IZR (up (v / (2 * tau)))) in *.
    replace ((u - 1 + 1 / 2) * (2 * tau) - v) with ((u - v / (2 * tau) - 1 / 2) * (2 * tau)) by (field; lra).
    rewrite Rabs_mult, (Rabs_pos_eq (2 * tau)) by lra.
    assert (Rabs (u - v / (2 * tau) - 1 / 2) <= 1 / 2) by (unfold Rabs; destruct Rcase_abs; lra). nra.
  Qed.
  Lemma grid_levels_length : length grid_levels = (d * cells)%nat.
  Proof. unfold grid_levels. rewrite map_length. apply seq_length. Qed.
  Lemma grid_at c j : In c centres -> (j < d)%nat -> (grid c j < d * cells)%nat /\
    level grid_levels (grid c j) = (j, (INR (cell (nth j c 0)) + 1 / 2) * (2 * tau)).
  Proof.
    intros ic h. destruct (cell_spec (nth j c 0) (cube c ic j h)) as [lt _].
    assert (grid c j < d * cells)%nat as b by (unfold grid; nia). split; [exact b |]. unfold level, grid_levels.
    set (f := fun i => ((i / cells)%nat, (INR (i mod cells) + 1 / 2) * (2 * tau))).
    rewrite nth_indep with (d' := f 0%nat) by (rewrite map_length, seq_length; exact b).
    rewrite map_nth, seq_nth by exact b.
    simpl plus. unfold f, grid. rewrite PeanoNat.Nat.add_comm, PeanoNat.Nat.mod_add, PeanoNat.Nat.div_add by lia.
    rewrite PeanoNat.Nat.mod_small, PeanoNat.Nat.div_small by exact lt. reflexivity.
  Qed.
  Lemma grid_levels_fit : levels_fit d centres grid_levels grid.
  Proof.
    split.
    - intros p i. apply in_map_iff in i. destruct i as (k & <- & h). apply in_seq in h. simpl fst.
      apply PeanoNat.Nat.div_lt_upper_bound; nia.
    - intros c ic j h. destruct (grid_at c j ic h) as [b e]. rewrite grid_levels_length, e. auto.
  Qed.
  Lemma grid_levels_near : rounded_by d centres grid_levels grid tau.
  Proof.
    intros c ic j h. rewrite nth_rounded by exact h. destruct (grid_at c j ic h) as [_ ->]. simpl snd.
    apply cell_spec, cube; assumption.
  Qed.
End Grid.

Theorem few_levels d centres tau : 0 < tau -> (forall c, In c centres -> forall j, (j < d)%nat ->
  0 <= nth j c 0 <= 1) ->
  exists levels chosen, levels_fit d centres levels chosen /\ rounded_by d centres levels chosen tau /\
    (length levels <= length centres * d)%nat /\ INR (length levels) <= INR d * (1 + / (2 * tau)).
Proof.
  intros pos cube. pose proof (cells_bound tau pos) as b. pose proof (pos_INR d).
  destruct (Compare_dec.le_lt_dec (length centres * d) (d * cells tau)) as [le | lt].
  - exists (own_levels d centres), (own d centres). rewrite own_levels_length.
    split; [apply own_levels_fit | split; [| split]].
    + intros c ic j h. eapply Rle_trans; [apply own_levels_exact; assumption | lra].
    + apply le_n.
    + apply Rle_trans with (INR (d * cells tau)); [apply le_INR, le |]. rewrite mult_INR.
      apply Rmult_le_compat_l; assumption.
  - exists (grid_levels d tau), (grid tau). rewrite grid_levels_length.
    split; [apply (grid_levels_fit d centres tau pos cube) | split; [| split]].
    + apply grid_levels_near; assumption.
    + lia.
    + rewrite mult_INR. apply Rmult_le_compat_l; assumption.
Qed.
