(* The checker of Checker.v is sound: what `bounded` confirms is a bound of all margins on all of the ball, so with a
   positive claim the network is right on all of it (`certified_sound`); what `refuted` confirms is an error in it. *)
From Coq Require Import Reals ZArith List Lra Lia Bool.
Require Import Network Trees Checker Propagation.
Import ListNotations.
Open Scope R_scope.

(* ---- the margins as linear forms behind the layers before the last ---- *)
Definition scaled_margin (T T' : Z) (x : list R) (m : Z * list (Z * path)) (a : R) : Prop :=
  IZR T' * a = IZR (fst m) + IZR T * total (snd m) (at_path x).

Lemma output_value T l k x : 0 < IZR (scale l) -> let n := nth k (neurons l) silent in
  IZR (scale l) * nth k (affine (real_layer T l) x) 0 = IZR (base n) + IZR T * total (entries 1 n) (at_path x).
Proof.
  intros pos n. rewrite neuron_value by exact pos. rewrite total_entries. unfold n. change (IZR 1) with 1. ring.
Qed.

Lemma of_label_value T l y x : (0 < scale l)%Z ->
  Forall2 (scaled_margin T (scale l) x) (of_label (neurons l) y) (margins y (affine (real_layer T l) x)).
Proof.
  intro s. apply IZR_lt in s. pose proof (fun k => output_value T l k x s) as v. cbv zeta in v.
  set (out := affine (real_layer T l) x) in *.
  assert (length out = length (neurons l)) as len by (unfold out, affine, real_layer; rewrite !map_length; reflexivity).
  assert (Forall2 (scaled_margin T (scale l) x)
    (map (fun c => difference (nth y (neurons l) silent) (nth c (neurons l) silent)) (others (length (neurons l)) y))
    (map (fun c => nth y out 0 - nth c out 0) (others (length out) y))) as many.
  { rewrite len. induction (others (length (neurons l)) y) as [| c cs IH]; constructor; [| exact IH].
    unfold scaled_margin. cbn [fst snd difference]. rewrite total_app, minus_IZR, Rmult_minus_distr_l, !v.
    rewrite !total_entries. ring. }
  destruct (neurons l) as [| n [| n' ns]], out as [| a [| a' out']]; try discriminate len; try exact many.
  constructor; [| constructor]. specialize (v 0%nat). cbn [nth] in v. unfold scaled_margin, output. cbn [fst snd].
  rewrite total_entries in *. destruct (y =? 0)%nat.
  - rewrite mult_IZR. replace (IZR (scale l) * - a) with (- (IZR (scale l) * a)) by ring. rewrite v. ring.
  - rewrite mult_IZR, v. ring.
Qed.

(* ---- the ball ---- *)
(* Every coordinate is within r / T of that of the centre. *)
Definition in_ball (T : Z) (c : list Z) (r : Z) : list R -> Prop :=
  Forall2 (fun ci a => Rabs (a - IZR ci / IZR T) <= IZR r / IZR T) c.

Lemma near_scaled T c r a : 0 < IZR T ->
  (Rabs (a - IZR c / IZR T) <= IZR r / IZR T <-> IZR (c - r) <= IZR T * a <= IZR (c + r)).
Proof.
  intro t. rewrite minus_IZR, plus_IZR.
  assert (IZR T * (IZR c / IZR T) = IZR c) as ec by (field; lra).
  assert (IZR T * (IZR r / IZR T) = IZR r) as er by (field; lra).
  set (c' := IZR c / IZR T) in *. set (r' := IZR r / IZR T) in *. split.
  - intro h. unfold Rabs in h. destruct Rcase_abs in h; nra.
  - intros [h1 h2]. unfold Rabs. destruct Rcase_abs; nra.
Qed.

Lemma ball_sound T c r x : 0 < IZR T -> in_ball T c r x -> within T (ball c r) x.
Proof.
  intros t h p. unfold ball, at_path. rewrite get_plant. generalize (index p).
  induction h as [| ci a c x near _ IH]; intros [| k]; cbn [map nth]; try apply IH.
  - unfold between. simpl. lra.
  - unfold between. simpl. lra.
  - apply near_scaled; assumption.
Qed.

(* ---- the two answers ---- *)
Lemma prepare_sound T net y : nth y (forms (prepare T net)) [] <> [] -> (0 < T)%Z /\ exists before last,
  net = before ++ [last] /\ Forall fit before /\ fit last /\ (y < labels (length (neurons last)))%nat /\
  hidden (prepare T net) = map (fun l => plant (neurons l)) before /\
  nth y (forms (prepare T net)) [] = map grown (of_label (neurons last) y).
Proof.
  unfold prepare. destruct ((0 <? T)%Z && forallb is_fit net) eqn:ok; [| destruct y; contradiction].
  apply andb_prop in ok as [t fits]. destruct (rev net) as [| last before] eqn:e; [destruct y; contradiction |].
  intro some. split; [apply Z.ltb_lt, t |]. exists (rev before), last.
  assert (net = rev before ++ [last]) as -> by (rewrite <- (rev_involutive net), e; reflexivity).
  assert (Forall fit (rev before ++ [last])) as all.
  { apply Forall_forall. intros l i. apply is_fit_fit. exact (proj1 (forallb_forall _ _) fits l i). }
  apply Forall_app in all as [f1 f2]. inversion f2; subst.
  cbn [forms hidden] in *.
  destruct (Nat.lt_ge_cases y (labels (length (neurons last)))) as [i | i].
  - repeat split; try assumption; try (apply f1 || apply H1).
    rewrite (nth_indep _ _ (map grown (of_label (neurons last) 0))) by (rewrite map_length, seq_length; exact i).
    rewrite (map_nth (fun y => map grown (of_label (neurons last) y))), seq_nth by exact i. reflexivity.
  - exfalso. apply some. apply nth_overflow. rewrite map_length, seq_length. exact i.
Qed.

Lemma last_scale_last T before last : last_scale T (before ++ [last]) = scale last.
Proof. revert T. induction before; intro T; simpl; auto. Qed.

Theorem bounded_sound T net c r y claim : bounded (prepare T net) c r y claim = true ->
  forall x, in_ball T c r x ->
  Forall (fun m => IZR claim / IZR (last_scale T net) <= m) (margins y (eval (real_network T net) x)).
Proof.
  unfold bounded. intros ok x near.
  destruct (prepare_sound T net y) as (t & before & last & -> & fits & fit & _ & e & f).
  { intro no. rewrite no in ok. discriminate. }
  rewrite f, e in ok. rewrite eval_last, last_scale_last. pose proof (proj1 fit) as s.
  pose proof (last_scale_pos before T t fits) as t'. apply IZR_lt in s, t'.
  set (v := propagate true _ (ball c r)) in ok.
  assert (within (last_scale T before) v (behind T before x)) as w.
  { apply propagate_sound; [exact t | exact fits | apply ball_sound; [apply IZR_lt, t | exact near] | discriminate]. }
  pose proof (of_label_value (last_scale T before) last y (behind T before x) (proj1 fit)) as pairs.
  set (out := affine _ _) in *.
  assert (forallb (fun f => claim <=? fst f + least (snd f) v)%Z (map grown (of_label (neurons last) y)) = true) as all.
  { destruct (map grown _); [reflexivity | exact ok]. }
  clear ok f. revert all. induction pairs as [| m a ms as_ h _ IH]; intro all; constructor.
  - simpl in all. apply andb_prop in all as [one _]. apply Z.leb_le, IZR_le in one. rewrite plus_IZR in one.
    pose proof (least_sound _ (form (snd m)) v (at_path (behind T before x)) w) as low. rewrite value_form in low.
    unfold scaled_margin in h. apply (Rmult_le_reg_l (IZR (scale last))); [exact s |].
    replace (IZR (scale last) * (IZR claim / IZR (scale last))) with (IZR claim) by (field; lra). lra.
  - apply IH. simpl in all. apply andb_prop in all as [_ rest]. exact rest.
Qed.

(* The answer is the label: with one output by its sign, label 1 for +; with more by the greatest output alone. *)
Definition right (label : nat) (out : list R) : Prop :=
  match out with
  | [a] => (label = 0%nat /\ a < 0) \/ (label = 1%nat /\ 0 < a)
  | _ => (label < length out)%nat /\ forall c, (c < length out)%nat -> c <> label -> nth c out 0 < nth label out 0
  end.

Lemma right_margins y out : (y < labels (length out))%nat -> (right y out <-> Forall (Rlt 0) (margins y out)).
Proof.
  intro i.
  assert ((y < length out)%nat -> ((y < length out)%nat /\
    forall c, (c < length out)%nat -> c <> y -> nth c out 0 < nth y out 0) <->
    Forall (Rlt 0) (map (fun c => nth y out 0 - nth c out 0) (others (length out) y))) as many.
  { intro j. rewrite Forall_map, Forall_forall. unfold others. split.
    - intros [_ h] c k. apply filter_In in k as [k n]. apply in_seq in k. apply negb_true_iff, Nat.eqb_neq in n.
      specialize (h c ltac:(lia) n). lra.
    - intro h. split; [exact j |]. intros c k n. enough (0 < nth y out 0 - nth c out 0) by lra. apply h.
      apply filter_In. split; [apply in_seq; lia | apply negb_true_iff, Nat.eqb_neq, n]. }
  destruct out as [| a [| b out]]; [simpl in i; lia | | apply many; exact i].
  clear many. cbn in i. cbn [right margins]. rewrite Forall_cons_iff.
  destruct y as [| [| y]]; [| | lia]; cbn [Nat.eqb].
  - split; [intros [[_ h] | [h _]]; [split; [lra | constructor] | discriminate h] |].
    intros [h _]. left. split; [reflexivity | lra].
  - split; [intros [[h _] | [_ h]]; [discriminate h | split; [lra | constructor]] |].
    intros [h _]. right. split; [reflexivity | lra].
Qed.

Lemma length_out T before last x : length (eval (real_network T (before ++ [last])) x) = length (neurons last).
Proof. rewrite eval_last. unfold affine, real_layer. rewrite !map_length. reflexivity. Qed.

Theorem certified_sound T net c r y claim : bounded (prepare T net) c r y claim = true -> (0 < claim)%Z ->
  forall x, in_ball T c r x -> right y (eval (real_network T net) x).
Proof.
  intros ok pos x near. pose proof (bounded_sound T net c r y claim ok x near) as h. unfold bounded in ok.
  destruct (prepare_sound T net y) as (t & before & last & -> & fits & [s _] & i & _).
  { intro no. rewrite no in ok. discriminate. }
  apply right_margins; [rewrite length_out; exact i |].
  rewrite last_scale_last in h. apply IZR_lt in s, pos. eapply Forall_impl; [| exact h]. intros a le.
  eapply Rlt_le_trans; [apply Rdiv_lt_0_compat; [exact pos | exact s] | exact le].
Qed.

Lemma forallb_near T c r w : (0 < T)%Z -> length c = length w ->
  forallb (fun ab => Z.abs (fst ab - snd ab) <=? r)%Z (combine c w) = true ->
  in_ball T c r (map (fun a => IZR a / IZR T) w).
Proof.
  intros t. apply IZR_lt in t. revert w. induction c as [| a c IH]; intros [| b w] len h; try discriminate; constructor.
  - cbn in h. apply andb_prop in h as [h _]. apply Z.leb_le in h. apply near_scaled; [exact t |].
    replace (IZR T * (IZR b / IZR T)) with (IZR b) by (field; lra). split; apply IZR_le; lia.
  - cbn in h. apply andb_prop in h as [_ h]. apply IH; [injection len; auto | exact h].
Qed.

Theorem refuted_sound T net c r y w : refuted (prepare T net) c r y w = true ->
  exists x, in_ball T c r x /\ ~ right y (eval (real_network T net) x).
Proof.
  unfold refuted. intro ok. apply andb_prop in ok as [near err]. apply andb_prop in near as [len near].
  apply Nat.eqb_eq in len.
  destruct (prepare_sound T net y) as (t & before & last & -> & fits & fit & i & e & f).
  { intro no. rewrite no in err. discriminate. }
  rewrite f, e in err. exists (map (fun a => IZR a / IZR T) w). split; [apply forallb_near; assumption |].
  rewrite right_margins by (rewrite length_out; exact i). intro all. rewrite eval_last in all.
  set (x := map _ w) in *. set (v := propagate _ _ _) in err. pose proof (proj1 fit) as s.
  assert (within (last_scale T before) v (behind T before x)) as within_v.
  { apply propagate_sound; [exact t | exact fits | | discriminate]. apply ball_sound; [apply IZR_lt, t |].
    apply forallb_near; [exact t | reflexivity |]. apply forallb_forall. intros [a b] j. apply Z.leb_le.
    enough (a = b) by (subst; cbn; lia). clear - j. induction w as [| d w IH]; [contradiction |].
    destruct j as [j | j]; [congruence | auto]. }
  pose proof (of_label_value (last_scale T before) last y (behind T before x) s) as pairs.
  set (out := affine _ _) in *. apply IZR_lt in s. clear f. revert err all.
  induction pairs as [| m a ms as_ h _ IH]; intros err all; [discriminate |].
  inversion all as [| ? ? pos rest]; subst. cbn in err. apply orb_prop in err as [one | err]; [| exact (IH err rest)].
  apply Z.leb_le, IZR_le in one.
  pose proof (least_sound _ (tree_map Z.opp (form (snd m))) v (at_path (behind T before x)) within_v) as low.
  rewrite value_opp, value_form in low. unfold scaled_margin in h. nra.
Qed.

(* Not vacuous: of f(x) = (relu x, 1/2), in halves, the margin of the first class is at least 1 on [3/2, 5/2], and the
   second is wrong at 3/2. *)
Example network : list zlayer :=
  let reads w := {| base := 0; plus := [(w, [Here])]; minus := [] |} in
  [ {| scale := 2; neurons := [reads 1%Z] |};
    {| scale := 2; neurons := [reads 1%Z; {| base := 1; plus := []; minus := [] |}] |} ].
Example confirmed : bounded (prepare 2 network) [4%Z] 1 0 2 = true. Proof. reflexivity. Qed.
Example not_confirmed : bounded (prepare 2 network) [4%Z] 1 0 3 = false. Proof. reflexivity. Qed.
Example error_found : refuted (prepare 2 network) [4%Z] 1 1 [3%Z] = true. Proof. reflexivity. Qed.
