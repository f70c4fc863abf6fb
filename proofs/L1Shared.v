(* Theorem 3.3 and Corollary 3.4, repaired, p = 1, with the ledger's count: for memorized points of the cube there is a
   strict ReLU network equal to f_adv off the shells on any set that is bounded from below by low, with nonzero(f_hat)
   <= (d + 5) n + 2 F + d + 1 + 2 nonzero(f_clean) + 2 depth(f_hat) + 23,   F <= min(n d, d (1 + 2 d / gamma)), F the
   levels that the points share: the coefficient of n d is 1. |x_j - v| = 2 relu (x_j - v) - (x_j - v), and one neuron
   carries sum_j (x_j - low_j) for all. *)
From Coq Require Import Reals List Lra Lia.
Require Import Network Calculus SoftIndicator Memorizer Tents SquareNetwork Levels L1 L2 Layers AnyIndicators.
Import ListNotations.
Open Scope R_scope.

Lemma dist_1_vec x c d : length x = d -> length c = d ->
  dist_1 x c = sum (vec d (fun j => Rabs (nth j x 0 - nth j c 0))).
Proof.
  intros <-. unfold vec. revert c. induction x as [| a x IH]; intros [| b c] e; try discriminate; [reflexivity |].
  injection e as e. simpl. rewrite <- seq_shift, map_map. rewrite (IH c e). reflexivity.
Qed.
Lemma sum_vec_scale r a f : sum (vec r (fun k => a * f k)) = a * sum (vec r f).
Proof. unfold vec. induction (seq 0 r) as [| k l IH]; simpl; [ring | rewrite IH; ring]. Qed.
Lemma sum_vec_constant r a : sum (vec r (fun _ => a)) = INR r * a.
Proof.
  unfold vec. rewrite <- (seq_length r 0) at 2. generalize (seq 0 r). intro l. unfold sum.
  induction l as [| k l IH]; [simpl; ring |]. cbn [map fold_right length]. rewrite IH, S_INR. ring.
Qed.
Lemma dot_ones x d : length x = d -> dot (repeat 1 d) x = sum (vec d (fun j => nth j x 0)).
Proof.
  intro len. pose proof (dot_constant 1 d x [] len) as e. rewrite app_nil_r in e. rewrite e, <- (list_vec x d len).
  ring.
Qed.

Section Features.
  Variables (d : nat) (low : nat -> R) (t : R).
  Variables (centres : list (list R)) (levels : list (nat * R)) (chosen : list R -> nat -> nat).
  Hypothesis fit : levels_fit d centres levels chosen.
  Notation F := (length levels).
  Notation n := (length centres).
  Notation round := (rounded d levels chosen).
  Notation corner := (sum (vec d low)).
  Definition above : layer := map (fun p => (unit_at d (fst p) 1, - snd p)) levels ++ [(repeat 1 d, - corner)].
  Definition excess_rows : layer :=
    map (fun c => (row_at F 2 (places d chosen c) ++ [-1], sum (round c) - corner - t)) centres.
  Definition excess_1_shared : list layer := [above; excess_rows].

  Lemma above_compute x : length x = d -> (forall j, (j < d)%nat -> low j <= nth j x 0) -> map relu (affine above x) =
    vec F (fun i => relu (nth (fst (level levels i)) x 0 - snd (level levels i))) ++
    [sum (vec d (fun j => nth j x 0)) - corner].
  Proof.
    intros len over. destruct fit as [all _]. unfold above. rewrite affine_app, map_app. f_equal.
    - unfold affine. rewrite !map_map. rewrite (map_levels levels). apply map_ext_in. intros i h. apply in_seq in h.
      simpl fst. simpl snd. rewrite dot_unit_nth; [f_equal; ring | exact len |]. apply all, nth_In. lia.
    - simpl. f_equal. rewrite dot_ones by exact len. rewrite relu_pos; [ring |].
      pose proof (sum_vec_le d low (fun j => nth j x 0) over). lra.
  Qed.
  Lemma excess_1_shared_compute x : length x = d -> (forall j, (j < d)%nat -> low j <= nth j x 0) ->
    eval excess_1_shared x = map (fun c => dist_1 x (round c) - t) centres.
  Proof.
    intros len over. unfold excess_1_shared. rewrite eval_cons by discriminate.
    change (eval [excess_rows] ?h) with (affine excess_rows h). rewrite above_compute by assumption.
    unfold excess_rows, affine. rewrite map_map. apply map_ext_in. intros c ic. simpl fst. simpl snd.
    rewrite dot_app by (rewrite vec_length; apply row_at_length).
    rewrite dot_row_at by (apply (places_fit d centres levels chosen c fit ic)).
    pose proof (sum_over_places d centres levels chosen (fun j v => relu (nth j x 0 - v)) c fit ic) as s. cbv beta in s.
    rewrite s. rewrite (dist_1_vec x _ d len (rounded_length d levels chosen c)). simpl dot.
    assert (sum (round c) = sum (vec d (fun j => nth j (round c) 0))) as whole
      by (rewrite <- (list_vec (round c) d (rounded_length d levels chosen c)); reflexivity). rewrite whole.
    assert (sum (vec d (fun j => Rabs (nth j x 0 - nth j (round c) 0))) + sum (vec d (fun j => nth j x 0)) =
      2 * sum (vec d (fun j => relu (nth j x 0 - nth j (round c) 0))) + sum (vec d (fun j => nth j (round c) 0))) as e;
        [| lra].
    rewrite <- sum_vec_scale, <- !sum_vec_plus. f_equal. apply vec_ext. intros j _.
    unfold Rabs. destruct Rcase_abs; relu_split; lra.
  Qed.
  Lemma excess_1_shared_fit : fits d excess_1_shared.
  Proof.
    simpl. repeat split.
    - apply Forall_app. split; [apply Forall_map, Forall_forall; intros p _; simpl; rewrite unit_length; lia |].
      constructor; [simpl; rewrite repeat_length; lia | constructor].
    - apply Forall_map, Forall_forall. intros c _. simpl. unfold above. rewrite !app_length, row_at_length, map_length.
      simpl. lia.
  Qed.
  Lemma excess_1_shared_nonzero : (nonzero excess_1_shared <= 2 * F + d + 1 + n * (d + 2))%nat.
  Proof.
    unfold excess_1_shared, above. rewrite !nonzero_cons. change (nonzero []) with 0%nat.
    rewrite nz_layer_app, nz_layer_cons. simpl fst. simpl snd. change (nz_layer []) with 0%nat.
    pose proof (nz_row_le (repeat 1 d)) as o. rewrite repeat_length in o. pose proof (nz_le (- corner)).
    assert (nz_layer (map (fun p => (unit_at d (fst p) 1, - snd p)) levels) <= 2 * F)%nat as a.
    { rewrite <- (map_length (fun p => (unit_at d (fst p) 1, - snd p)) levels). apply nz_layer_le. intros r i.
      apply in_map_iff in i. destruct i as (p & <- & _). simpl fst. simpl snd. pose proof (nz_row_unit d (fst p) 1).
      pose proof (nz_le (- snd p)). lia. }
    assert (nz_layer excess_rows <= (d + 2) * n)%nat as b; [| nia].
    assert (length excess_rows = n) as e by apply map_length. rewrite <- e. apply nz_layer_le. intros r i.
    apply in_map_iff in i. destruct i as (c & <- & _). simpl fst. simpl snd. rewrite nz_row_app.
    pose proof (nz_row_at F 2 (places d chosen c)) as h. rewrite places_length in h. pose proof (nz_row_le [-1]) as l.
    simpl length in l. pose proof (nz_le (sum (round c) - corner - t)). lia.
  Qed.
End Features.

Section L1Shared.
  Variables (d : nat) (delta gamma M : R).
  Hypotheses (some_dimension : (1 <= d)%nat) (gamma_pos : 0 < gamma).
  Variable small : list (list R * R).
  Hypothesis small_labelled : labelled d small.
  Hypothesis cube : forall cy, In cy small -> forall j, (j < d)%nat -> 0 <= nth j (fst cy) 0 <= 1.
  Variables (clean : list layer) (f_clean : list R -> R).
  Hypothesis clean_classifies : classifier d clean f_clean.
  Variables (box : list R -> Prop) (low : nat -> R).
  Hypothesis bounded_below : forall x, box x -> forall j, (j < d)%nat -> low j <= nth j x 0.
  Hypothesis bound : forall x, length x = d -> box x -> Rabs (f_clean x) <= M.
  Notation n := (length small).

  Lemma memorizer_l1_shared : exists net F,
    (nonzero net <= (d + 5) * n + 2 * F + d + 1 + 2 * nonzero clean + 2 * length net + 23)%nat /\
    (F <= n * d)%nat /\ INR F <= INR d * (1 + 2 * INR d / gamma) /\ fits d net /\
    represents_f_adv dist_1 d delta gamma box f_clean small net /\
    memorizes_robustly dist_1 d delta gamma box f_clean small net.
  Proof.
    set (centres := map fst small). assert (length centres = n) as nn by apply map_length.
    assert (0 < INR d) as dp by (apply lt_0_INR; lia). set (tau := gamma / (4 * INR d)).
    assert (0 < tau) as tp by (apply Rdiv_lt_0_compat; lra).
    destruct (few_levels d centres tau tp) as (levels & chosen & fit & near & own & grid).
    { intros c i. apply in_map_iff in i. destruct i as (cy & <- & j). apply cube, j. }
    set (round := rounded d levels chosen).
    assert (forall cy, In cy small -> length (fst cy) = d) as dims by (intros cy i; apply small_labelled, i).
    assert (forall c, length (round c) = d) as dimr by (intro c; apply rounded_length).
    assert (forall cy, In cy small -> dist_1 (round (fst cy)) (fst cy) <= gamma / 4) as close.
    { intros cy i. rewrite (dist_1_vec _ _ d) by auto. apply Rle_trans with (sum (vec d (fun _ => tau))).
      - apply sum_vec_le. intros j h. apply near; [apply in_map, i | exact h].
      - rewrite sum_vec_constant. right. unfold tau. field. lra. }
    set (t := delta + gamma / 4). set (e := excess_1_shared d low t centres levels chosen).
    assert (e <> []) as some by discriminate. assert (length (last e []) = n) as w by (rewrite <- nn; apply map_length).
    assert (fits d e) as fe by apply excess_1_shared_fit.
    destruct (memorizer_of_indicators dist_1 dist_1_sym dist_1_triangle d delta gamma M gamma_pos small small_labelled
      clean f_clean clean_classifies box bound (fun c x => soft t (gamma / 2) (dist_1 x (round c)))
      (soften n (gamma / 2) e)) as (net & size & _ & f & rep & rob).
    - discriminate.
    - apply soften_fits; assumption.
    - apply soften_width.
    - intros x len b. rewrite soften_computes by assumption. unfold e.
      rewrite excess_1_shared_compute; [| exact fit | exact len | exact (bounded_below x b)].
      unfold centres. rewrite !map_map. reflexivity.
    - intros cy x i len _ h. apply soft_inside.
      pose proof (dist_1_triangle x (fst cy) (round (fst cy)) ltac:(rewrite dims; auto) ltac:(rewrite dims, dimr;
        auto)).
      specialize (close cy i). rewrite dist_1_sym in close. unfold t. lra.
    - intros cy x i len _ h. apply soft_outside; [lra |].
      pose proof (dist_1_triangle x (round (fst cy)) (fst cy) ltac:(rewrite dimr; auto) ltac:(rewrite dims, dimr;
        auto)).
      specialize (close cy i). unfold t. lra.
    - intros. apply soft_range. lra.
    - exists net, (length levels). rewrite nn in own. split; [| split; [exact own | split; [| auto]]].
      + pose proof (excess_1_shared_nonzero d low t centres levels chosen) as s. fold e in s. rewrite nn in s.
        pose proof (soften_nonzero n (gamma / 2) e). nia.
      + replace (2 * INR d / gamma) with (/ (2 * tau)) by (unfold tau; field; lra). exact grid.
  Qed.

  Theorem theorem_3_3_l1_shared : exists net F,
    (nonzero net <= (d + 5) * n + 2 * F + d + 1 + 2 * nonzero clean + 2 * length net + 23)%nat /\
    (F <= n * d)%nat /\ INR F <= INR d * (1 + 2 * INR d / gamma) /\ fits d net /\
    represents_f_adv dist_1 d delta gamma box f_clean small net.
  Proof. destruct memorizer_l1_shared as (net & F & size & own & grid & fit & rep & _). exists net, F. auto. Qed.

  Theorem corollary_3_4_l1_shared : exists net F,
    (nonzero net <= (d + 5) * n + 2 * F + d + 1 + 2 * nonzero clean + 2 * length net + 23)%nat /\
    (F <= n * d)%nat /\ INR F <= INR d * (1 + 2 * INR d / gamma) /\ fits d net /\
    memorizes_robustly dist_1 d delta gamma box f_clean small net.
  Proof. destruct memorizer_l1_shared as (net & F & size & own & grid & fit & _ & rob). exists net, F. auto. Qed.
End L1Shared.
