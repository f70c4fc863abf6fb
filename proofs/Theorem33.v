(* Theorem 3.3, repaired, p = infinity: for every gamma > 0 and M >= |f_clean| on the box there is a strict ReLU network
   with f_hat = f_adv at every x of the box outside the shells delta < ||x - x_i|| < delta + gamma of the n memorized
   points. It has at most 6 d n + (L + 4) n + 2 nonzero(f_clean) + 30 non-zeros, L the layers of the clean network: not
   the ledger's count, whose coefficient of n d is 1. No separation is needed. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Linf IndicatorsInf Memorizer Assembled.
Import ListNotations.
Open Scope R_scope.

Section Theorem33.
  Variables (d : nat) (delta gamma M : R).
  Hypotheses (delta_nonneg : 0 <= delta) (gamma_pos : 0 < gamma).
  Variable small : list (list R * R).
  Hypothesis dimension : forall cy, In cy small -> length (fst cy) = d.
  Hypothesis labels : forall cy, In cy small -> snd cy = 1 \/ snd cy = -1.
  (* the clean classifier is a network with one output, bounded by M on the box *)
  Variable clean : list layer.
  Hypotheses (clean_nonempty : clean <> []) (clean_fits : fits d clean) (one_output : length (last clean []) = 1%nat).
  Variable f_clean : list R -> R.
  Hypothesis clean_computes : forall x, length x = d -> eval clean x = [f_clean x].
  Variable box : list R -> Prop.
  Hypothesis bound : forall x, box x -> Rabs (f_clean x) <= M.

  Notation N := (length small).
  Notation L := (length clean).
  Notation centres := (map fst small).
  Definition memorizer : list layer := assembled M small (features_inf d delta gamma centres) clean.

  Lemma centres_dimension c : In c centres -> length c = d.
  Proof. intro i. apply in_map_iff in i. destruct i as (cy & <- & j). apply dimension, j. Qed.
  Lemma centres_length : length centres = N.
  Proof. apply map_length. Qed.

  Lemma memorizer_computes x :
    length x = d -> eval memorizer x = [f_hat (list R) small f_clean (indicator_inf delta gamma) M x].
  Proof.
    apply assembled_computes; try assumption.
    - intros. apply indicator_inf_range; assumption.
    - discriminate.
    - apply features_inf_fit, centres_dimension.
    - rewrite features_inf_width. apply centres_length.
    - intros z len. rewrite features_inf_compute; [apply map_map | exact centres_dimension | exact len].
  Qed.
  Lemma memorizer_fits : fits d memorizer.
  Proof.
    apply assembled_fits; try assumption.
    - discriminate.
    - apply features_inf_fit, centres_dimension.
    - rewrite features_inf_width. apply centres_length.
  Qed.
  Lemma memorizer_size : (nonzero memorizer <= 6 * d * N + (L + 4) * N + 2 * nonzero clean + 30)%nat.
  Proof.
    assert (nonzero memorizer <=
      nonzero (features_inf d delta gamma centres) + 2 * nonzero clean + (L + 3) * N + 2 * 2 + 26)%nat.
    { apply assembled_size; auto; [discriminate |]. rewrite features_inf_width. apply centres_length. }
    pose proof (features_inf_nonzero d delta gamma centres centres_dimension) as f. rewrite centres_length in f.
    nia.
  Qed.

  Theorem theorem_3_3 : exists net,
    (nonzero net <= 6 * d * N + (L + 4) * N + 2 * nonzero clean + 30)%nat /\ fits d net /\
    forall x, length x = d -> box x ->
      (forall cy, In cy small -> dist_inf x (fst cy) <= delta \/ delta + gamma <= dist_inf x (fst cy)) ->
      eval net x = [f_adv (list R) dist_inf delta small f_clean x].
  Proof.
    exists memorizer. split; [apply memorizer_size | split; [apply memorizer_fits |]].
    intros x len b off. rewrite memorizer_computes by exact len. f_equal.
    apply f_hat_is_f_adv with (gamma := gamma) (Omega := box); try assumption.
    - intros. apply indicator_inf_inside; assumption.
    - intros. apply indicator_inf_outside; assumption.
    - intros. apply indicator_inf_range; assumption.
  Qed.
End Theorem33.
