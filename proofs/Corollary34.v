(* Corollary 3.4 (i) and (ii), p = infinity: the network of Theorem 3.3 with 0 < gamma <= R - 2 delta has no adversarial
   training error, and y_i f_hat >= 1 on the balls of the memorized points; with delta + gamma <= R it has no clean
   error: it is right wherever the clean network is, at points that are separated from the sample as the sample is. Its
   count is that of Theorem33.v. The sample S, its memorized part, and a clean network that is right on the balls of the
   others. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Linf Memorizer Theorem33.
Import ListNotations.
Open Scope R_scope.

Section Corollary34.
  Variables (d : nat) (delta gamma M separation : R).
  Hypotheses (delta_nonneg : 0 <= delta) (gamma_pos : 0 < gamma).
  (* S, and the memorized part of it *)
  Variables S small : list (list R * R).
  Hypothesis memorized : forall s, In s small -> In s S.
  Hypothesis dimension : forall s, In s S -> length (fst s) = d.
  Hypothesis labels : forall s, In s S -> snd s = 1 \/ snd s = -1.
  Hypothesis separated :
    forall s t, In s S -> In t S -> snd s <> snd t -> separation <= dist_inf (fst s) (fst t).
  (* a clean network, bounded by M on the box, right on the ball of each point that is not memorized *)
  Variable clean : list layer.
  Hypotheses (clean_nonempty : clean <> []) (clean_fits : fits d clean) (one_output : length (last clean []) = 1%nat).
  Variable f_clean : list R -> R.
  Hypothesis clean_computes : forall x, length x = d -> eval clean x = [f_clean x].
  Variable box : list R -> Prop.
  Hypothesis box_dimension : forall x, box x -> length x = d.
  Hypothesis balls_in_box : forall s x, In s S -> length x = d -> dist_inf x (fst s) <= delta -> box x.
  Hypothesis bound : forall x, box x -> Rabs (f_clean x) <= M.
  Hypothesis large : forall s x, In s S -> length x = d -> dist_inf x (fst s) <= delta ->
    In s small \/ 0 < snd s * f_clean x.

  Notation net := (memorizer d delta gamma M small clean).
  Definition right (x : list R) (y : R) : Prop := 0 < y * nth 0 (eval net x) 0.

  Lemma value x : length x = d -> nth 0 (eval net x) 0 = f_hat (list R) small f_clean (indicator_inf delta gamma) M x.
  Proof. intro len. rewrite memorizer_computes with (f_clean := f_clean) by auto. reflexivity. Qed.

  Theorem corollary_3_4_i : gamma <= separation - 2 * delta ->
    (forall s x, In s S -> length x = d -> dist_inf x (fst s) <= delta -> right x (snd s)) /\
    (forall s x, In s small -> length x = d -> dist_inf x (fst s) <= delta -> 1 <= snd s * nth 0 (eval net x) 0).
  Proof.
    intro fit.
    assert (forall a b z, In a S -> In b S -> box z ->
      dist_inf (fst a) (fst b) <= dist_inf (fst a) z + dist_inf z (fst b)) as triangle.
    { intros a b z ia ib bz. apply dist_inf_triangle; rewrite (box_dimension z bz).
      - apply dimension, ia.
      - symmetry. apply dimension, ib. }
    assert (forall c x, box x -> dist_inf x c <= delta -> indicator_inf delta gamma c x = 1) as inside
      by (intros; apply indicator_inf_inside; assumption).
    assert (forall c x, box x -> delta + gamma <= dist_inf x c -> indicator_inf delta gamma c x = 0) as outside
      by (intros; apply indicator_inf_outside; assumption).
    assert (forall c x, box x -> 0 <= indicator_inf delta gamma c x <= 1) as range
      by (intros; apply indicator_inf_range; assumption).
    split; intros s x i len near; unfold right; rewrite value by exact len.
    - apply Rnot_le_lt. intro w.
      apply (no_adversarial_training_error (list R) dist_inf box delta gamma small f_clean (indicator_inf delta gamma)
        M)
        with (S := S) (separation := separation) (point := fun x => length x = d) (s := s); try assumption.
      + apply dist_inf_sym.
      + exists x. repeat split; assumption.
    - apply (memorized_margin (list R) dist_inf box delta gamma small f_clean (indicator_inf delta gamma) M)
        with (S := S) (separation := separation) (point := fun x => length x = d); try assumption.
      apply dist_inf_sym.
  Qed.

  Theorem corollary_3_4_ii : delta + gamma <= separation ->
    forall z y, box z -> (y = 1 \/ y = -1) -> 0 < y * f_clean z ->
      (forall s, In s S -> snd s <> y -> separation <= dist_inf (fst s) z) -> right z y.
  Proof.
    intros fit z y bz label ok far. unfold right. rewrite value by auto. apply Rnot_le_lt. intro w.
    apply (no_clean_error (list R) dist_inf box delta gamma small f_clean (indicator_inf delta gamma) M)
      with (z := z) (y := y); try assumption.
    - intros. apply indicator_inf_outside; assumption.
    - intros. apply indicator_inf_range; assumption.
    - intros cy i other. rewrite dist_inf_sym. pose proof (far cy (memorized cy i) other). lra.
  Qed.

  Theorem corollary_3_4 : gamma <= separation - 2 * delta -> exists net,
    (nonzero net <= 6 * d * length small + (length clean + 4) * length small + 2 * nonzero clean + 30)%nat /\
      fits d net /\
    (* no error on any training ball *)
    (forall s x, In s S -> length x = d -> dist_inf x (fst s) <= delta -> 0 < snd s * nth 0 (eval net x) 0) /\
    (* no error at any point of the support where the clean network makes none *)
    (forall z y, box z -> (y = 1 \/ y = -1) -> 0 < y * f_clean z ->
       (forall s, In s S -> snd s <> y -> separation <= dist_inf (fst s) z) -> 0 < y * nth 0 (eval net z) 0).
  Proof.
    intro fit. exists net. split; [apply memorizer_size; auto | split; [apply memorizer_fits; auto |]].
    split; [apply corollary_3_4_i, fit |]. apply corollary_3_4_ii. lra.
  Qed.
End Corollary34.
