(* Squares by tents (Yarotsky 2017, Proposition 2): with g(t) = 2 relu t - 4 relu (t - 1/2) on [0, 1], the function
   f_m(t) = t - sum_{k=1}^m g^k(t) / 4^k has 0 <= f_m(t) - t^2 <= 4^-(m+1). *)
From Coq Require Import Reals List Lra Lia.
Require Import Network.
Import ListNotations.
Open Scope R_scope.

Definition tent (t : R) : R := 2 * relu t - 4 * relu (t - 1 / 2).
Fixpoint tents (k : nat) (t : R) : R := match k with O => t | S k' => tents k' (tent t) end.
(* f_m, by its partial sums *)
Fixpoint square (m : nat) (t : R) : R := match m with O => t | S k => square k t - tents (S k) t / 4 ^ S k end.

Lemma tent_range t : 0 <= t <= 1 -> 0 <= tent t <= 1.
Proof. intro h. unfold tent. relu_split; lra. Qed.
Lemma tents_range k : forall t, 0 <= t <= 1 -> 0 <= tents k t <= 1.
Proof. induction k as [| k IH]; simpl; intros t h; [exact h | apply IH, tent_range, h]. Qed.
Lemma tents_next k : forall t, tents (S k) t = tent (tents k t).
Proof. induction k as [| k IH]; intro t; [reflexivity |]. change (tents (S k) (tent t) = tent (tents k (tent t))).
apply IH. Qed.

(* The same by the first tent: f_{m+1}(t) = t - g(t) / 2 + f_m(g(t)) / 4. *)
Lemma square_first m : forall t, square (S m) t = t - tent t / 2 + square m (tent t) / 4.
Proof.
  induction m as [| m IH]; intro t; [simpl; field |].
  change (square (S (S m)) t) with (square (S m) t - tents (S m) (tent t) / 4 ^ S (S m)).
  rewrite IH. change (square (S m) (tent t)) with (square m (tent t) - tents (S m) (tent t) / 4 ^ S m).
  assert (4 ^ m <> 0) by (apply pow_nonzero; lra). simpl pow. field. assumption.
Qed.

Theorem square_error m : forall t, 0 <= t <= 1 -> 0 <= square m t - t * t <= / 4 ^ S m.
Proof.
  induction m as [| m IH]; intros t h.
  { simpl. replace (/ (4 * 1)) with (1 / 4) by field. pose proof (Rle_0_sqr (t - 1 / 2)) as q. unfold Rsqr in q. nra. }
  rewrite square_first. specialize (IH (tent t) (tent_range t h)).
  assert (t - t * t = tent t / 2 - tent t * tent t / 4) as fold_ by (unfold tent; relu_split; nra).
  replace (/ 4 ^ S (S m)) with (/ 4 ^ S m / 4) by (simpl; field; apply pow_nonzero; lra). lra.
Qed.

Lemma square_nonneg m t : 0 <= t <= 1 -> 0 <= square m t.
Proof. intro h. pose proof (square_error m t h). nra. Qed.
