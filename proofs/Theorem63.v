(* Theorem 6.3, the first bound of what holds, for one class: robust gap <= G * cost for every coupling of population
   and sample, both with finitely many points, so <= G W_1 for the best; G = sup ||grad L||_1, the cost in l_inf. *)
From Coq Require Import Reals List Lra.
From Coquelicot Require Import Coquelicot.
Require Import Network Vectors.
Import ListNotations.
Open Scope R_scope.

Section Transport.
  Variable d : nat.
  Variable L : list R -> R.
  Variable grad : list R -> list R.
  Variables G delta : R.
  Hypothesis has_gradient : forall x, length x = d -> gradient L x (grad x).
  Hypothesis flat : forall x, length x = d -> norm1 (grad x) <= G.

  Lemma L_lipschitz x v : length x = d -> length v = d -> L (add x v) <= L x + G * norm_inf v.
  Proof.
    intros lx lv. pose proof (fun t => derivative_along L grad d has_gradient x v t lx lv) as derivative.
    destruct (MVT_gen (fun t => L (add x (scale t v))) 0 1 (fun t => dot (grad (add x (scale t v))) v)) as (c & _ & e).
    - intros t _. apply derivative.
    - intros t _. apply continuity_pt_filterlim. apply (ex_derive_continuous (fun t => L (add x (scale t v)))).
      eexists. apply derivative.
    - rewrite add_zero, add_one in e by (rewrite lx; exact lv).
      pose proof (hoelder (grad (add x (scale c v))) v) as h.
      pose proof (flat _ (add_length d x _ lx (scale_length d c v lv))).
      pose proof (norm_inf_nonneg v). pose proof (Rle_abs (dot (grad (add x (scale c v))) v)). nra.
  Qed.

  (* adv x is the maximum of L over the ball of radius delta around x *)
  Variable adv : list R -> R.
  Hypothesis adv_is_sup : forall x, length x = d -> is_lub (fun a => exists xi, length xi = d /\
    norm_inf xi <= delta /\ a = L (add x xi)) (adv x).

  Lemma rearrange x z xi : length x = d -> length z = d -> length xi = d -> add (add z xi) (sub x z) = add x xi.
  Proof.
    intros ex ez exi. revert z xi ez exi. rewrite <- ex. clear. induction x as [| a x IH];
      intros [| b z] [| c xi] e f; try discriminate; [reflexivity |].
    injection e as e. injection f as f. simpl. f_equal; [ring | apply IH; assumption].
  Qed.

  Lemma adv_lipschitz x z : length x = d -> length z = d -> adv x <= adv z + G * norm_inf (sub x z).
  Proof.
    intros lx lz. apply (adv_is_sup x lx). intros a (xi & lxi & ball & ->).
    rewrite <- (rearrange x z xi lx lz lxi).
    eapply Rle_trans; [apply L_lipschitz; [apply (add_length d); assumption | apply sub_length; assumption] |].
    apply Rplus_le_compat_r. apply (adv_is_sup z lz). exists xi. repeat split; assumption.
  Qed.

  (* A coupling: weights on pairs (x from D, z from S), whose marginals are D and S. *)
  Variable coupling : list (R * (list R * list R)).
  Hypothesis valid : forall c, In c coupling -> 0 <= fst c /\ length (fst (snd c)) = d /\ length (snd (snd c)) = d.
  Definition mean_D (f : list R -> R) := sum (map (fun c => fst c * f (fst (snd c))) coupling).
  Definition mean_S (f : list R -> R) := sum (map (fun c => fst c * f (snd (snd c))) coupling).
  Definition cost := sum (map (fun c => fst c * norm_inf (sub (fst (snd c)) (snd (snd c)))) coupling).

  Theorem theorem_6_3_lipschitz : mean_D adv - mean_S adv <= G * cost.
  Proof.
    unfold mean_D, mean_S, cost. induction coupling as [| [w [x z]] l IH]; simpl; [lra |].
    destruct (valid (w, (x, z)) (or_introl eq_refl)) as (wp & lx & lz). simpl in *.
    specialize (IH (fun c i => valid c (or_intror i))). pose proof (adv_lipschitz x z lx lz). unfold sum in *. nra.
  Qed.
End Transport.
