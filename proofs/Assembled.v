(* Theorem 3.3, repaired, for any norm: from layers that compute soft indicators of the n memorized balls, and a clean
   network with one output, one strict ReLU network that computes f_hat, which is f_adv off the shells (Memorizer.v). It
   has the non-zeros of the indicators, twice those of the clean network, and at most (L + 3) n + 2 F + 26 more, L and F
   the numbers of layers of the clean network and of the indicators. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus Gate Memorizer.
Import ListNotations.
Open Scope R_scope.

(* ---- the width of the last layer ---- *)
Lemma last_of_beside m : forall k n, length m = length n -> m <> [] ->
  length (last (beside k m n) []) = (length (last m []) + length (last n []))%nat.
Proof.
  induction m as [| l m IH]; intros k n len some; [contradiction |]. destruct n as [| l' n]; [discriminate |].
  injection len as len. destruct m as [| l2 m], n as [| l2' n]; try discriminate.
  - simpl. unfold shifted. rewrite app_length, map_length. reflexivity.
  - change (length (last (beside (length l) (l2 :: m) (l2' :: n)) []) =
      (length (last (l2 :: m) []) + length (last (l2' :: n) []))%nat).
    apply IH; [exact len | discriminate].
Qed.
Lemma last_of_parallel m n : length m = length n -> m <> [] ->
  length (last (parallel m n) []) = (length (last m []) + length (last n []))%nat.
Proof.
  destruct m as [| l m]; intros len some; [contradiction |]. destruct n as [| l' n]; [discriminate |].
  injection len as len. destruct m as [| l2 m], n as [| l2' n]; try discriminate; [simpl; apply app_length |].
  change (length (last (beside (length l) (l2 :: m) (l2' :: n)) []) =
    (length (last (l2 :: m) []) + length (last (l2' :: n) []))%nat).
  apply last_of_beside; [exact len | discriminate].
Qed.
Lemma last_of_carry k m net : (0 < k)%nat -> length (last (net ++ carry k m) []) = m.
Proof.
  intro pos. destruct k as [| k]; [lia |]. unfold carry. rewrite <- (app_nil_r (repeat _ _)).
  replace (S k) with (k + 1)%nat by lia. rewrite repeat_app. simpl.
  rewrite app_nil_r, app_assoc, last_last. apply identity_length.
Qed.
Lemma last_of_signed net : length (last net []) = 1%nat -> length (last (signed net) []) = 2%nat.
Proof.
  induction net as [| l net IH]; [discriminate |]. destruct net as [| l' net]; intro e.
  - simpl in *. rewrite app_length, map_length. unfold layer, neuron in *. lia.
  - change (length (last (l :: signed (l' :: net)) []) = 2%nat).
    assert (signed (l' :: net) <> []) by (simpl; destruct net; discriminate).
    destruct (signed (l' :: net)) eqn:es; [contradiction |]. rewrite <- es in *.
    replace (last (l :: signed (l' :: net)) []) with (last (signed (l' :: net)) []) by (rewrite es; reflexivity).
    apply IH. exact e.
Qed.
Lemma signed_nonempty net : net <> [] -> signed net <> [].
Proof. destruct net as [| l [| l' net]]; intro h; [contradiction | discriminate | discriminate]. Qed.

Section Assembled.
  Variables (d : nat) (M : R).
  Variable small : list (list R * R).
  Hypothesis labels : forall cy, In cy small -> snd cy = 1 \/ snd cy = -1.
  Notation N := (length small).
  (* layers whose outputs, behind a ReLU, are the indicators I of the centres *)
  Variable I : list R -> list R -> R.
  Hypothesis I_nonneg : forall c x, 0 <= I c x.
  Variable features : list layer.
  Hypothesis features_nonempty : features <> [].
  Hypothesis features_fit : fits d features.
  Hypothesis features_width : length (last features []) = N.
  Hypothesis features_compute :
    forall x, length x = d -> map relu (eval features x) = map (fun cy => I (fst cy) x) small.
  (* the clean classifier, a network with one output *)
  Variable clean : list layer.
  Hypothesis clean_nonempty : clean <> [].
  Hypothesis clean_fits : fits d clean.
  Hypothesis one_output : length (last clean []) = 1%nat.
  Variable f_clean : list R -> R.
  Hypothesis clean_computes : forall x, length x = d -> eval clean x = [f_clean x].

  Notation L := (length clean).
  Notation F := (length features).
  Definition assembled : list layer :=
    parallel (features ++ carry L N) (signed clean ++ carry F 2) ++ gate M (map snd small).

  Lemma depths : (0 < L)%nat /\ (0 < F)%nat /\ length (features ++ carry L N) = length (signed clean ++ carry F 2).
  Proof.
    clear - clean_nonempty features_nonempty. rewrite !app_length, signed_length, !carry_length.
    destruct clean; [contradiction |]. destruct features; [contradiction |]. simpl. lia.
  Qed.
  Lemma parallel_nonempty : parallel (features ++ carry L N) (signed clean ++ carry F 2) <> [].
  Proof.
    clear - clean_nonempty features_nonempty. destruct features as [| l fs]; [contradiction |].
    destruct (signed clean) eqn:e; [| discriminate]. exfalso. exact (signed_nonempty clean clean_nonempty e).
  Qed.
  Lemma nonempty_app (a b : list layer) : a <> [] -> a ++ b <> [].
  Proof. destruct a; [contradiction | discriminate]. Qed.
  Lemma carry_nonempty k m : (0 < k)%nat -> carry k m <> [].
  Proof. destruct k; [lia | discriminate]. Qed.
  Lemma width_of_eval net x : net <> [] -> length (eval net x) = length (last net []).
  Proof.
    revert x; induction net as [| l net IH]; intros x h; [contradiction |].
    destruct net as [| l' net]; [apply affine_length |]. rewrite eval_cons by discriminate.
    rewrite IH by discriminate. reflexivity.
  Qed.

  Lemma both_fit : fits d (features ++ carry L N) /\ fits d (signed clean ++ carry F 2).
  Proof.
    split; [apply fits_sequence with (w := N) | apply fits_sequence with (w := 2%nat)];
      auto using carry_fits, signed_fits, signed_nonempty, last_of_signed.
  Qed.

  Lemma assembled_computes x : length x = d -> eval assembled x = [f_hat (list R) small f_clean I M x].
  Proof.
    intro len. unfold assembled. destruct depths as (Lpos & Fpos & same). destruct both_fit as [fit _].
    rewrite eval_sequence; [| exact parallel_nonempty | discriminate].
    rewrite parallel_computes; [| exact same | apply nonempty_app, features_nonempty | rewrite len; exact fit].
    rewrite map_app, !eval_sequence by auto using carry_nonempty, signed_nonempty.
    rewrite carry_computes; [| rewrite width_of_eval by assumption; exact features_width | exact Lpos].
    rewrite signed_computes. destruct clean as [| l0 rest] eqn:ec; [contradiction |]. rewrite <- ec in *.
    rewrite (clean_computes x len), carry_computes; [| reflexivity | exact Fpos].
    rewrite features_compute by exact len.
    change (map relu ([f_clean x] ++ map Ropp [f_clean x])) with [relu (f_clean x); relu (- f_clean x)].
    set (Is := map (fun cy => I (fst cy) x) small).
    rewrite gate_computes.
    - unfold f_hat, memory, lock, total. fold Is. repeat f_equal.
      unfold Is. clear. induction small as [| cy l IH]; simpl; [reflexivity |]. f_equal. exact IH.
    - unfold Is. rewrite !map_length. reflexivity.
    - intros y i. apply in_map_iff in i. destruct i as (cy & <- & j). apply labels, j.
    - intros a i. apply in_map_iff in i. destruct i as (cy & <- & _). apply I_nonneg.
  Qed.

  Lemma assembled_fits : fits d assembled.
  Proof.
    destruct depths as (Lpos & Fpos & same). destruct both_fit as [fit fit'].
    unfold assembled. apply fits_sequence with (w := (N + 2)%nat).
    - apply parallel_fits; assumption.
    - exact parallel_nonempty.
    - rewrite last_of_parallel; [| exact same | apply nonempty_app, features_nonempty].
      rewrite !last_of_carry by assumption. reflexivity.
    - pose proof (gate_fits M (map snd small)) as g. rewrite map_length in g. exact g.
  Qed.

  Lemma assembled_size :
    (nonzero assembled <= nonzero features + 2 * nonzero clean + (L + 3) * N + 2 * F + 26)%nat.
  Proof.
    destruct depths as (_ & _ & same). unfold assembled. rewrite nonzero_app, parallel_nonzero, !nonzero_app
      by exact same.
    pose proof (carry_nonzero L N). pose proof (carry_nonzero F 2). pose proof (signed_nonzero clean).
    pose proof (gate_nonzero M (map snd small)) as g. rewrite map_length in g. lia.
  Qed.
End Assembled.
