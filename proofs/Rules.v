(* Rules of robust literals: the network of three layers. A literal says that w . x is above, or below, a threshold b
   by the half of a shell; its neuron is relu (1/2 +- (2 / gamma) (w . x - b)). A rule counts the neuron of one of its
   literals, or 1, and is switched off by the neurons of the opposites of its others: J_r = relu (n_counted - T sum
   n_opposite),   f_c = sum over the rules of class c of W_level(r) J_r, + 1/2 for one class. It has at most  sum over
   neurons (nnz(w) + 1) + sum over rules (literals + 1) + rules that count 1 + 1  non-zeros. *)
From Coq Require Import Reals List Lra Lia Bool.
Require Import Network Calculus Vectors Tents SquareNetwork Levels.
Import ListNotations.
Open Scope R_scope.

Record literal := { form : list R; threshold : R; high : bool }.
Definition opposite (l : literal) : literal := {| form := form l; threshold := threshold l; high := negb (high l) |}.
Record rule := { level_of : nat; class_of : nat; counted : option nat; against : list nat }.
(* the number of literals *)
Definition literals (r : rule) : nat := ((if counted r then 1 else 0) + length (against r))%nat.

Section Rules.
  Variables (d classes default : nat) (gamma T : R) (W : nat -> R).
  Variables (neurons : list literal) (rules : list rule).
  Notation size := (length neurons).
  Definition neuron_of (i : nat) : literal := nth i neurons {| form := []; threshold := 0; high := true |}.
  Definition slope (l : literal) : R := if high l then 2 / gamma else - (2 / gamma).
  Definition value (l : literal) (x : list R) : R := relu (1 / 2 + slope l * (dot (form l) x - threshold l)).
  Definition J (r : rule) (x : list R) : R :=
    relu (match counted r with Some i => value (neuron_of i) x | None => 1 end
          - T * sum (map (fun i => value (neuron_of i) x) (against r))).
  Definition says (c : nat) (r : rule) : R := if Nat.eqb (class_of r) c then W (level_of r) else 0.
  Definition output (c : nat) (x : list R) : R :=
    sum (map (fun r => says c r * J r x) rules) + (if Nat.eqb c default then 1 / 2 else 0).

  Definition literal_layer : layer :=
    map (fun l => (map (Rmult (slope l)) (form l), 1 / 2 - slope l * threshold l)) neurons.
  Definition rule_row (r : rule) : neuron :=
    match counted r with
    | Some i => (add (unit_at size i 1) (row_at size (- T) (against r)), 0)
    | None => (row_at size (- T) (against r), 1)
    end.
  Definition class_row (c : nat) : neuron := (map (says c) rules, if Nat.eqb c default then 1 / 2 else 0).
  Definition rule_network : list layer := [literal_layer; map rule_row rules; map class_row (seq 0 classes)].

  (* positions are those of neurons, and the forms are of R^d *)
  Definition well_formed : Prop := (forall l, In l neurons -> (length (form l) <= d)%nat) /\
    forall r, In r rules -> (forall i, counted r = Some i -> (i < size)%nat) /\ forall i, In i (against r) ->
      (i < size)%nat.
  Hypothesis formed : well_formed.

  Lemma dot_scaled a w x : dot (map (Rmult a) w) x = a * dot w x.
  Proof. revert x; induction w as [| b w IH]; intros [| v x]; simpl; try ring. rewrite IH. ring. Qed.
  Lemma literal_layer_computes x : map relu (affine literal_layer x) = vec size (fun i => value (neuron_of i) x).
  Proof.
    unfold literal_layer, affine. rewrite !map_map. unfold vec, neuron_of.
    transitivity (map (fun l => value l x) neurons).
    - apply map_ext. intro l. simpl fst. simpl snd. rewrite dot_scaled. unfold value. f_equal. ring.
    - clear. induction neurons as [| l ls IH]; [reflexivity |]. simpl. f_equal. rewrite <- seq_shift, map_map. exact IH.
  Qed.
  Lemma rule_row_computes r x : In r rules ->
    relu (dot (fst (rule_row r)) (vec size (fun i => value (neuron_of i) x)) + snd (rule_row r)) = J r x.
  Proof.
    intro i. destruct formed as [_ places]. destruct (places r i) as [own others]. unfold rule_row, J.
    destruct (counted r) as [k |]; simpl fst; simpl snd; f_equal.
    - rewrite dot_add by (rewrite unit_length, row_at_length; reflexivity).
      rewrite dot_unit by (apply own; reflexivity). rewrite dot_row_at by exact others. ring.
    - rewrite dot_row_at by exact others. ring.
  Qed.
  Theorem rule_network_computes x : eval rule_network x = vec classes (fun c => output c x).
  Proof.
    unfold rule_network. rewrite !eval_cons by discriminate. rewrite literal_layer_computes.
    change (eval [?l] ?h) with (affine l h).
    assert (map relu (affine (map rule_row rules) (vec size (fun i => value (neuron_of i) x))) =
      map (fun r => J r x) rules) as ->.
    { unfold affine. rewrite !map_map. apply map_ext_in. intros r i. apply rule_row_computes, i. }
    unfold affine, vec. rewrite map_map. apply map_ext. intro c. unfold output. simpl fst. simpl snd. f_equal.
    clear. induction rules as [| r l IH]; simpl; [reflexivity | rewrite IH; reflexivity].
  Qed.
  Lemma rule_network_fits : fits d rule_network.
  Proof.
    destruct formed as [forms places]. simpl. repeat split.
    - apply Forall_map, Forall_forall. intros l i. simpl. rewrite map_length. apply forms, i.
    - apply Forall_map, Forall_forall. intros r _. unfold literal_layer. rewrite map_length. unfold rule_row.
      destruct (counted r); simpl; [rewrite (add_length size); auto using unit_length, row_at_length |].
      rewrite row_at_length. auto.
    - apply Forall_map, Forall_forall. intros c _. simpl. rewrite !map_length. lia.
  Qed.

  Lemma nz_layer_map (A : Type) (f : A -> neuron) (g : A -> nat) l :
    (forall a, In a l -> (nz_row (fst (f a)) + nz (snd (f a)) <= g a)%nat) ->
      (nz_layer (map f l) <= list_sum (map g l))%nat.
  Proof.
    induction l as [| a l IH]; intro h; [apply PeanoNat.Nat.le_0_l |]. simpl map. rewrite nz_layer_cons.
    specialize (IH (fun b i => h b (or_intror i))). pose proof (h a (or_introl eq_refl)). simpl. lia.
  Qed.
  Lemma nz_row_scaled a w : (nz_row (map (Rmult a) w) <= nz_row w)%nat.
  Proof.
    induction w as [| b w IH]; [apply PeanoNat.Nat.le_0_l |]. simpl map. rewrite !nz_row_cons. unfold nz at 1 2.
    destruct (Req_EM_T (a * b) 0), (Req_EM_T b 0); try lia. subst b. exfalso. lra.
  Qed.
  (* each rule stands in the row of its class only *)
  Lemma class_rows_nonzero : (nz_layer (map class_row (seq 0 classes)) <= length rules + 1)%nat.
  Proof.
    assert (forall cs, NoDup cs -> (list_sum (map (fun c => nz_row (map (says c) rules)) cs) <=
      length rules)%nat) as rows.
    { intros cs nd. clear formed. induction rules as [| r l IH].
      - simpl. clear nd. induction cs as [| c cs IH]; [simpl; lia | exact IH].
      - assert (list_sum (map (fun c => nz (says c r)) cs) <= 1)%nat as one.
        { assert (forall cs', NoDup cs' -> (list_sum (map (fun c => nz (says c r)) cs') <=
            if in_dec PeanoNat.Nat.eq_dec (class_of r) cs' then 1 else 0)%nat) as each.
          { induction cs' as [| c cs' IH']; intro nd'; [simpl; lia |]. inversion_clear nd' as [| ? ? no nd''].
            specialize (IH' nd''). change (list_sum (map ?f (c :: cs'))) with (f c + list_sum (map f cs'))%nat.
            cbv beta.
            unfold says at 1. pose proof nz_0. pose proof (nz_le (W (level_of r))).
            destruct (PeanoNat.Nat.eqb_spec (class_of r) c) as [e | ne],
              (in_dec PeanoNat.Nat.eq_dec (class_of r) (c :: cs')) as [i | n],
              (in_dec PeanoNat.Nat.eq_dec (class_of r) cs') as [i' | n']; subst; try lia; exfalso; simpl in *;
                intuition. }
          specialize (each cs nd). destruct in_dec; lia. }
        assert (list_sum (map (fun c => nz_row (map (says c) (r :: l))) cs) =
          list_sum (map (fun c => nz (says c r)) cs) + list_sum (map (fun c => nz_row (map (says c) l)) cs))%nat as ->.
        { clear. induction cs as [| c cs IH]; [reflexivity |].
          change (list_sum (map ?f (c :: cs))) with (f c + list_sum (map f cs))%nat. cbv beta. rewrite IH.
          simpl map at 1.
          rewrite nz_row_cons. lia. }
        simpl length. lia. }
    assert (forall cs, NoDup cs -> (nz_layer (map class_row cs) <=
      list_sum (map (fun c => nz_row (map (says c) rules)) cs) +
      if in_dec PeanoNat.Nat.eq_dec default cs then 1 else 0)%nat) as all.
    { induction cs as [| c cs IH]; intro nd; [apply PeanoNat.Nat.le_0_l |]. inversion_clear nd as [| ? ? no nd'].
      specialize (IH nd').
      simpl map. rewrite nz_layer_cons. unfold class_row at 1 2. simpl fst. simpl snd.
      change (list_sum (?a :: ?b)) with (a + list_sum b)%nat. pose proof nz_0. pose proof (nz_le (1 / 2)).
      destruct (PeanoNat.Nat.eqb_spec c default) as [e | ne], (in_dec PeanoNat.Nat.eq_dec default (c :: cs)) as [i | n],
        (in_dec PeanoNat.Nat.eq_dec default cs) as [i' | n']; subst; try lia; exfalso; simpl in *; intuition. }
    specialize (all (seq 0 classes) (seq_NoDup classes 0)). specialize (rows (seq 0 classes) (seq_NoDup classes 0)).
    destruct in_dec; lia.
  Qed.
  Theorem rule_network_nonzero : (nonzero rule_network <= list_sum (map (fun l => nz_row (form l) + 1) neurons) +
    list_sum (map (fun r => literals r + 1) rules) + list_sum (map (fun r => if counted r then 0 else 1) rules) +
      1)%nat.
  Proof.
    unfold rule_network. rewrite !nonzero_cons. change (nonzero []) with 0%nat. pose proof class_rows_nonzero as last.
    assert (nz_layer literal_layer <= list_sum (map (fun l => nz_row (form l) + 1) neurons))%nat as one.
    { apply nz_layer_map. intros l _. simpl fst. simpl snd. pose proof (nz_row_scaled (slope l) (form l)).
      pose proof (nz_le (1 / 2 - slope l * threshold l)). lia. }
    assert (nz_layer (map rule_row rules) <=
      list_sum (map (fun r => literals r + if counted r then 0 else 1) rules))%nat as two.
    { apply nz_layer_map. intros r _. unfold rule_row, literals. pose proof (nz_row_at size (- T) (against r)).
      destruct (counted r) as [k |]; simpl fst; simpl snd.
      - pose proof (nz_row_add (unit_at size k 1) (row_at size (- T) (against r))). pose proof (nz_row_unit size k 1).
        rewrite nz_0. lia.
      - pose proof (nz_le 1). lia. }
    assert (list_sum (map (fun r => literals r + if counted r then 0 else 1) rules) + length rules =
      list_sum (map (fun r => literals r + 1) rules) +
        list_sum (map (fun r => if counted r then 0 else 1) rules))%nat as sum_.
    { clear. induction rules as [| r l IH]; [reflexivity |]. simpl. lia. }
    lia.
  Qed.
End Rules.
