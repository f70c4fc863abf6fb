(* claim-capacity, repaired: if a class F fits every labelling of N distinct points, even only without an adversarial
   error, it shatters them, so its VC dimension is at least N, without a factor d. As printed, that a class that
   reaches robust training error 0 has to have a complexity of order N d, it fails: F = {f} does for one labelling
   and shatters no point. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Memorizer Law.
Import ListNotations.
Open Scope R_scope.

Section Capacity.
  Variables (X : Type) (dist : X -> X -> R) (delta : R).
  Hypotheses (dist_self : forall x, dist x x = 0) (delta_nonneg : 0 <= delta).
  Definition labelled (points : list X) (y : X -> R) : list (X * R) := map (fun x => (x, y x)) points.
  Definition signs (y : X -> R) : Prop := forall x, is_label (y x).
  (* for every labelling some f of F has those signs on the points *)
  Definition shatters (F : (X -> R) -> Prop) (points : list X) : Prop := NoDup points /\
    forall y, signs y -> exists f, F f /\ forall x, In x points -> 0 < y x * f x.
  Definition vc_at_least (F : (X -> R) -> Prop) (n : nat) : Prop := exists points, length points = n /\
    shatters F points.

  Theorem claim_capacity F points : NoDup points ->
    (forall y, signs y -> exists f, F f /\ adversarial_error X dist delta (uniform (labelled points y)) f = 0) ->
    vc_at_least F (length points).
  Proof.
    intros distinct fits_all. exists points. split; [reflexivity |]. split; [exact distinct |]. intros y lab.
    destruct (fits_all y lab) as (f & member & none). exists f. split; [exact member |]. intros x i.
    apply Rnot_le_lt. intro w. assert (In (x, y x) (labelled points y)) as j by (apply (in_map (fun x => (x, y x))), i).
    pose proof (uniform_positive _ (labelled points y) (attacked X dist delta f) (x, y x) j) as pos.
    assert (/ INR (length (labelled points y)) <= 0) as bad.
    { rewrite <- none. apply pos. exists x. rewrite dist_self. split; [exact delta_nonneg | exact w]. }
    assert (0 < / INR (length (labelled points y))); [| lra].
    apply Rinv_0_lt_compat, lt_0_INR. destruct (labelled points y); [destruct j | simpl; lia].
  Qed.

  (* One function shatters no point, whatever it fits. *)
  Theorem one_function_has_no_capacity f n : vc_at_least (eq f) n -> n = 0%nat.
  Proof.
    intros ([| x points] & <- & _ & all); [reflexivity | exfalso].
    destruct (all (fun _ => 1)) as (g & <- & pos); [left; reflexivity |].
    destruct (all (fun _ => -1)) as (g & <- & neg); [right; reflexivity |].
    pose proof (pos x (or_introl eq_refl)). pose proof (neg x (or_introl eq_refl)). lra.
  Qed.
  Theorem printed_capacity_fails S f : adversarial_error X dist delta (uniform S) f = 0 ->
    exists F : (X -> R) -> Prop, (exists g, F g /\ adversarial_error X dist delta (uniform S) g = 0) /\
      forall n, vc_at_least F n -> n = 0%nat.
  Proof.
    intro none. exists (eq f). split; [exists f; split; [reflexivity | exact none] | apply
      one_function_has_no_capacity].
  Qed.
End Capacity.
