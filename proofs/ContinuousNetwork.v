(* Every ReLU network is continuous: along any path whose coordinates are continuous, so is each output. *)
From Coq Require Import Reals List Lra.
Require Import Network.
Import ListNotations.
Open Scope R_scope.

Definition continuous_path (v : R -> list R) : Prop := forall i, continuity (fun t => nth i (v t) 0).

Lemma continuity_ext f g : (forall t, f t = g t) -> continuity f -> continuity g.
Proof.
  intros e c t eps pos. destruct (c t eps pos) as (a & ap & h). exists a. split; [exact ap |].
  intros x hx. rewrite <- !e. apply h, hx.
Qed.

Lemma continuity_relu f : continuity f -> continuity (fun t => relu (f t)).
Proof.
  intros c t eps pos. destruct (c t eps pos) as (a & ap & h). exists a. split; [exact ap |].
  intros x hx. eapply Rle_lt_trans; [apply relu_lipschitz | apply h, hx].
Qed.

Lemma nth_tl (v : list R) i : nth i (tl v) 0 = nth (S i) v 0.
Proof. destruct v; simpl; [destruct i |]; reflexivity. Qed.

Lemma dot_cons a w x : dot (a :: w) x = a * nth 0 x 0 + dot w (tl x).
Proof. destruct x; simpl; [destruct w; simpl; ring | reflexivity]. Qed.

Lemma continuity_dot w v : continuous_path v -> continuity (fun t => dot w (v t)).
Proof.
  revert v; induction w as [| a w IH]; intros v c.
  - apply continuity_const. intros x y. reflexivity.
  - apply continuity_ext with (fun t => a * nth 0 (v t) 0 + dot w (tl (v t))); [intro; rewrite dot_cons; reflexivity |].
    apply (continuity_plus (fun t => a * nth 0 (v t) 0) (fun t => dot w (tl (v t)))).
    + apply (continuity_scal (fun t => nth 0 (v t) 0) a), c.
    + apply IH. intro i. apply continuity_ext with (fun t => nth (S i) (v t) 0); [intro; symmetry;
      apply nth_tl | apply c].
Qed.

Lemma continuous_affine l v : continuous_path v -> continuous_path (fun t => affine l (v t)).
Proof.
  intros c i. destruct (Compare_dec.le_lt_dec (length l) i) as [big | small].
  - apply continuity_ext with (fun _ => 0).
    + intro t. symmetry. apply nth_overflow. unfold affine. rewrite map_length. assumption.
    + apply continuity_const. intros x y. reflexivity.
  - apply continuity_ext with (fun t => dot (fst (nth i l ([], 0))) (v t) + snd (nth i l ([], 0))).
    + intro t. unfold affine. rewrite (nth_indep _ 0 ((fun n => dot (fst n) (v t) + snd n) ([], 0)))
      by (rewrite map_length; assumption).
      rewrite (map_nth (fun n => dot (fst n) (v t) + snd n)). reflexivity.
    + apply (continuity_plus (fun t => dot _ (v t)) (fun _ => _)).
      * apply continuity_dot, c.
      * apply continuity_const. intros x y. reflexivity.
Qed.

Lemma nth_map_relu v i : nth i (map relu v) 0 = relu (nth i v 0).
Proof. replace 0 with (relu 0) at 1 by (apply relu_neg; lra). apply map_nth. Qed.

Theorem continuous_eval net v : continuous_path v -> continuous_path (fun t => eval net (v t)).
Proof.
  revert v; induction net as [| l rest IH]; intros v c; [exact c |].
  destruct rest as [| l' rest]; [apply (continuous_affine l v c) |].
  change (continuous_path (fun t => eval (l' :: rest) (map relu (affine l (v t))))).
  apply (IH (fun t => map relu (affine l (v t)))). intro i.
  apply continuity_ext with (fun t => relu (nth i (affine l (v t)) 0)); [intro; symmetry; apply nth_map_relu |].
  apply continuity_relu, (continuous_affine l v c).
Qed.
