(* Distributions and their errors. A law is any monotone and subadditive set function, such as the outer probability
   of a distribution; so what is shown for laws holds for every distribution, and no event has to be measurable.
   L_D^clean(f) = D(y f(x) <= 0), and L_D^adv(f) = D(y f(u) <= 0 for some u with dist(u, x) <= delta): f = 0 is an
   error. For the uniform law on a sample S they are L_S^clean(f) and L_S^adv(f). *)
From Coq Require Import Reals List ZArith Lra Classical.
From Coq Require ClassicalDedekindReals.
Require Import Network Calculus Memorizer.
Import ListNotations.
Open Scope R_scope.

Record law (A : Type) := {
  mass :> (A -> Prop) -> R;
  mass_empty : mass (fun _ => False) = 0;
  mass_monotone : forall E F : A -> Prop, (forall a, E a -> F a) -> mass E <= mass F;
  mass_union : forall E F : A -> Prop, mass (fun a => E a \/ F a) <= mass E + mass F }.

Section Law.
  Variables (A : Type) (D : law A).

  Lemma mass_nonneg E : 0 <= D E.
  Proof. rewrite <- (mass_empty A D). apply mass_monotone. contradiction. Qed.

  Lemma mass_zero E : (forall a, ~ E a) -> D E = 0.
  Proof.
    intro n. apply Rle_antisym; [| apply mass_nonneg].
    eapply Rle_trans; [apply (mass_monotone A D E (fun _ => False) n) | right; apply mass_empty].
  Qed.

  Lemma mass_difference (E F G : A -> Prop) : (forall a, E a -> F a \/ G a) -> D E - D G <= D F.
  Proof.
    intro h. pose proof (mass_monotone A D E (fun a => F a \/ G a) h). pose proof (mass_union A D F G). lra.
  Qed.

  (* almost surely *)
  Lemma mass_almost (E F G : A -> Prop) : D G = 0 -> (forall a, E a -> F a \/ G a) -> D E <= D F.
  Proof. intros none h. pose proof (mass_difference E F G h). lra. Qed.

  Lemma mass_some (B : Type) (E : B -> A -> Prop) s l :
    (forall b, In b l -> D (E b) <= s) -> D (fun a => exists b, In b l /\ E b a) <= INR (length l) * s.
  Proof.
    induction l as [| b l IH]; intro h.
    - rewrite mass_zero; [simpl; lra |]. intros a (b & [] & _).
    - assert (D (fun a => exists c, In c l /\ E c a) <= INR (length l) * s) as r by (apply IH; intros; apply h; simpl;
      auto).
      pose proof (h b (or_introl eq_refl)). pose proof (mass_union A D (E b) (fun a => exists c, In c l /\ E c a)).
      change (length (b :: l)) with (S (length l)). rewrite S_INR.
      assert (D (fun a => exists c, In c (b :: l) /\ E c a) <= D (fun a => E b a \/ exists c, In c l /\ E c a)).
      { apply mass_monotone. intros a (c & [-> | i] & e); [left; exact e | right; exists c; auto]. }
      lra.
  Qed.
End Law.

(* The axioms of the reals decide every proposition, so that a share of a list is a number. *)
Definition decide (P : Prop) : {P} + {~ P} :=
  match ClassicalDedekindReals.sig_not_dec P with left h => left (NNPP P h) | right h => right h end.
Definition truth (P : Prop) : R := if decide P then 1 else 0.

Lemma truth_range (P : Prop) : 0 <= truth P <= 1.
Proof. unfold truth. destruct decide; lra. Qed.
Lemma truth_true (P : Prop) : P -> truth P = 1.
Proof. intro p. unfold truth. destruct decide; [reflexivity | contradiction]. Qed.
Lemma truth_false (P : Prop) : ~ P -> truth P = 0.
Proof. intro p. unfold truth. destruct decide; [contradiction | reflexivity]. Qed.

Definition count (A : Type) (l : list A) (E : A -> Prop) : R := sum (map (fun a => truth (E a)) l).
Arguments count {A}.

Lemma count_monotone (A : Type) (l : list A) (E F : A -> Prop) : (forall a, In a l -> E a -> F a) ->
  count l E <= count l F.
Proof.
  unfold count. induction l as [| a l IH]; simpl; intro h; [lra |].
  assert (sum (map (fun a => truth (E a)) l) <= sum (map (fun a => truth (F a)) l)) by (apply IH; intros; apply h;
    auto).
  assert (truth (E a) <= truth (F a)); [| lra].
  unfold truth. destruct (decide (E a)) as [e |]; destruct (decide (F a)) as [f | f]; try lra.
  exfalso. apply f, h; auto.
Qed.

(* The uniform law on a list, each entry as often as it stands there. *)
Section Uniform.
  Variables (A : Type) (l : list A).
  Definition share (E : A -> Prop) : R := count l E * / INR (length l).

  Lemma share_of_one : 0 <= / INR (length l).
  Proof.
    destruct l; [simpl; rewrite Rinv_0; lra |]. apply Rlt_le, Rinv_0_lt_compat, lt_0_INR, PeanoNat.Nat.lt_0_succ.
  Qed.
  Lemma share_empty : share (fun _ => False) = 0.
  Proof.
    unfold share, count. rewrite (map_ext _ (fun _ => 0)); [rewrite sum_of_zeros; ring |].
    intro a. apply truth_false. auto.
  Qed.
  Lemma share_monotone (E F : A -> Prop) : (forall a, E a -> F a) -> share E <= share F.
  Proof. intro h. apply Rmult_le_compat_r; [apply share_of_one | apply count_monotone; auto]. Qed.
  Lemma share_union (E F : A -> Prop) : share (fun a => E a \/ F a) <= share E + share F.
  Proof.
    unfold share. rewrite <- Rmult_plus_distr_r. apply Rmult_le_compat_r; [apply share_of_one |].
    unfold count. clear. induction l as [| a l' IH]; simpl; [lra |].
    assert (truth (E a \/ F a) <= truth (E a) + truth (F a)); [| lra].
    unfold truth. repeat destruct decide; try lra. tauto.
  Qed.
  Definition uniform : law A := {| mass := share; mass_empty := share_empty; mass_monotone := share_monotone;
    mass_union := share_union |}.
End Uniform.
Arguments uniform {A}.

Lemma uniform_zero (A : Type) (l : list A) (E : A -> Prop) : (forall a, In a l -> ~ E a) -> uniform l E = 0.
Proof.
  intro h. simpl. unfold share. assert (count l E = 0) as ->; [| ring]. unfold count.
  rewrite (map_ext_in _ (fun _ => 0)); [apply sum_of_zeros | intros a i; apply truth_false, h, i].
Qed.

Lemma uniform_positive (A : Type) (l : list A) (E : A -> Prop) a : In a l -> E a -> / INR (length l) <= uniform l E.
Proof.
  intros i e. simpl. unfold share. assert (1 <= count l E).
  { rewrite <- (truth_true (E a) e). apply sum_ge_one_term.
    - intros v j. apply in_map_iff in j. destruct j as (b & <- & _). apply truth_range.
    - apply (in_map (fun a => truth (E a))), i. }
  assert (0 < / INR (length l)).
  { destruct l; [destruct i | apply Rinv_0_lt_compat, lt_0_INR; simpl; apply PeanoNat.Nat.lt_0_succ]. }
  nra.
Qed.

Section Errors.
  Variables (X : Type) (dist : X -> X -> R) (delta : R).
  (* y f(u) <= 0 for some u of the closed ball *)
  Definition attacked (f : X -> R) (s : X * R) : Prop := exists u, dist u (fst s) <= delta /\ wrong X f u (snd s).
  Definition clean_error (D : law (X * R)) (f : X -> R) : R := D (fun s => wrong X f (fst s) (snd s)).
  Definition adversarial_error (D : law (X * R)) (f : X -> R) : R := D (attacked f).
End Errors.

(* R^d, and what is defined for lists on it. *)
Definition Rd (d : nat) : Type := {x : list R | length x = d}.
Definition list_of {d : nat} (x : Rd d) : list R := proj1_sig x.
Definition between (dist : list R -> list R -> R) (d : nat) (x z : Rd d) : R := dist (list_of x) (list_of z).

(* A ReLU network R^d -> R^m: one layer or more. *)
Definition network (d : nat) (net : list layer) : Prop := net <> [] /\ fits d net.

Lemma larger_number B : exists e, B < INR e.
Proof.
  exists (Z.to_nat (up (Rmax B 0))). destruct (archimed (Rmax B 0)) as [up_ _]. pose proof (Rmax_l B 0).
  pose proof (Rmax_r B 0). rewrite INR_IZR_INZ, Z2Nat.id; [lra |]. apply le_IZR. lra.
Qed.
