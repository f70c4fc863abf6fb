(* The values of a ReLU network on a box lie within the bounds that the checker propagates, layer by layer. *)
From Coq Require Import Reals ZArith List Lra Lia Bool.
Require Import Network Trees Checker.
Import ListNotations.
Open Scope R_scope.

(* ---- what a layer computes ---- *)
Definition at_path (x : list R) (p : path) : R := nth (index p) x 0.

Lemma dot_add_at k w row x : dot (add_at k w row) x = w * nth k x 0 + dot row x.
Proof.
  revert row x. induction k as [| k IH]; intros [| a row] [| b x]; simpl; try ring; rewrite IH; simpl; ring.
Qed.

Lemma dot_real_row c es x : dot (real_row c es) x = c * total es (at_path x).
Proof.
  induction es as [| [w p] es IH]; simpl; [destruct x; simpl; ring |]. rewrite dot_add_at.
  fold (real_row c es). rewrite IH. unfold at_path. ring.
Qed.

Lemma total_app a b x : total (a ++ b) x = total a x + total b x.
Proof. induction a as [| e a IH]; simpl; [ring |]. rewrite IH. ring. Qed.

Definition sum_of (ps : list path) (x : path -> R) : R := fold_right (fun p s => x p + s) 0 ps.
Definition weighted (gs : list group) (x : path -> R) : R :=
  fold_right (fun g s => IZR (fst g) * sum_of (snd g) x + s) 0 gs.

Lemma total_flat s gs x : total (flat s gs) x = IZR s * weighted gs x.
Proof.
  induction gs as [| [w ps] gs IH]; simpl; [ring |]. rewrite total_app. fold (flat s gs). rewrite IH. simpl.
  replace (total (map (fun p => (s * w, p)%Z) ps) x) with (IZR s * IZR w * sum_of ps x); [ring |].
  induction ps as [| p ps IHp]; simpl; [ring |]. rewrite <- IHp, mult_IZR. ring.
Qed.

Lemma total_entries s n x : total (entries s n) x = IZR s * (weighted (plus n) x - weighted (minus n) x).
Proof. unfold entries. rewrite total_app, !total_flat, opp_IZR. ring. Qed.

(* What a neuron computes, times the scale of its layer. *)
Lemma neuron_value T l k x : 0 < IZR (scale l) ->
  IZR (scale l) * nth k (affine (real_layer T l) x) 0 =
  let n := nth k (neurons l) silent in
  IZR T * (weighted (plus n) (at_path x) - weighted (minus n) (at_path x)) + IZR (base n).
Proof.
  intro pos. cbv zeta. unfold affine, real_layer. rewrite map_map.
  set (f := fun n => dot (fst (real_neuron T (scale l) n)) x + snd (real_neuron T (scale l) n)).
  replace 0 with (f silent) at 1 by (unfold f; simpl; field; lra).
  rewrite map_nth. unfold f, real_neuron. cbn [fst snd]. rewrite dot_real_row, total_entries. field. lra.
Qed.

(* ---- sums of bounds ---- *)
Definition within (T : Z) (v : values) (x : list R) : Prop := forall p, between T (get (0, 0)%Z v p) (at_path x p).
Definition nonneg (gs : list group) : Prop := Forall (fun g => 0 <= fst g)%Z gs.

Lemma sum_sound T v x ps : within T v x -> forall s,
  IZR (sum fst v ps s) <= IZR s + IZR T * sum_of ps (at_path x) <= IZR (sum snd v ps s).
Proof.
  intro h. induction ps as [| p ps IH]; intro s; simpl; [lra |].
  specialize (h p) as [h1 h2].
  pose proof (proj1 (IH (s + fst (get (0, 0)%Z v p))%Z)) as a.
  pose proof (proj2 (IH (s + snd (get (0, 0)%Z v p))%Z)) as b.
  rewrite plus_IZR in a, b. rewrite Rmult_plus_distr_l. lra.
Qed.

Lemma weigh_sound T v x gs : within T v x -> nonneg gs -> forall s,
  IZR (weigh fst v gs s) <= IZR s + IZR T * weighted gs (at_path x) <= IZR (weigh snd v gs s).
Proof.
  intros h pos. induction pos as [| [w ps] gs p _ IH]; intro s; simpl; [lra |]. simpl in p. apply IZR_le in p.
  pose proof (proj1 (IH (s + w * sum fst v ps 0)%Z)) as a. pose proof (proj2 (IH (s + w * sum snd v ps 0)%Z)) as b.
  rewrite plus_IZR, mult_IZR in a, b. destruct (sum_sound T v x ps h 0) as [c d].
  replace (IZR T * (IZR w * sum_of ps (at_path x) + weighted gs (at_path x)))
    with (IZR w * (IZR T * sum_of ps (at_path x)) + IZR T * weighted gs (at_path x)) by ring.
  split; nra.
Qed.

Lemma sum_of_nonneg ps (x : path -> R) : (forall p, 0 <= x p) -> 0 <= sum_of ps x.
Proof. intro h. induction ps as [| p ps IH]; simpl; [lra |]. specialize (h p). lra. Qed.

Lemma weighted_nonneg gs x : nonneg gs -> (forall p, 0 <= x p) -> 0 <= weighted gs x.
Proof.
  intros pos h. induction pos as [| [w ps] gs p _ IH]; simpl; [lra |]. simpl in p. apply IZR_le in p.
  pose proof (sum_of_nonneg ps x h). nra.
Qed.

Lemma drain_sound T v x gs : 0 < IZR T -> within T v x -> nonneg gs -> (forall p, 0 <= at_path x p) -> forall s,
  IZR s - IZR T * weighted gs (at_path x) <= IZR (drain v gs s).
Proof.
  intros t h pos least. induction pos as [| [w ps] gs p pos IH]; intro s; simpl; [destruct (s <=? 0)%Z; lra |].
  simpl in p. apply IZR_le in p.
  destruct (s <=? 0)%Z.
  - pose proof (sum_of_nonneg ps _ least). pose proof (weighted_nonneg gs _ pos least).
    assert (0 <= IZR w * sum_of ps (at_path x) + weighted gs (at_path x)) by nra. nra.
  - specialize (IH (s - w * sum fst v ps 0)%Z). rewrite minus_IZR, mult_IZR in IH.
    destruct (sum_sound T v x ps h 0) as [c _].
    replace (IZR T * (IZR w * sum_of ps (at_path x) + weighted gs (at_path x)))
      with (IZR w * (IZR T * sum_of ps (at_path x)) + IZR T * weighted gs (at_path x)) by ring. nra.
Qed.

Definition fit (l : zlayer) : Prop :=
  (0 < scale l)%Z /\ Forall (fun n => nonneg (plus n) /\ nonneg (minus n)) (neurons l).

Lemma is_fit_fit l : is_fit l = true -> fit l.
Proof.
  unfold is_fit. intro h. apply andb_prop in h as [s h]. split; [apply Z.ltb_lt, s |].
  apply Forall_forall. intros n i. apply (proj1 (forallb_forall _ _) h) in i.
  assert (nonneg (plus n ++ minus n)) as all.
  { apply Forall_forall. intros g j. apply Z.leb_le. exact (proj1 (forallb_forall _ _) i g j). }
  apply Forall_app in all. exact all.
Qed.

Lemma fit_nth l k : fit l -> nonneg (plus (nth k (neurons l) silent)) /\ nonneg (minus (nth k (neurons l) silent)).
Proof.
  intros [_ h]. destruct (Nat.lt_ge_cases k (length (neurons l))) as [i | i].
  - exact (proj1 (Forall_forall _ _) h _ (nth_In _ _ i)).
  - rewrite (nth_overflow _ _ i). split; constructor.
Qed.

Lemma behind_relu_sound first T T' v x n a : 0 < IZR T -> 0 < IZR T' -> within T v x -> nonneg (plus n) ->
  nonneg (minus n) -> (first = false -> forall p, 0 <= at_path x p) ->
  IZR T' * a = IZR T * (weighted (plus n) (at_path x) - weighted (minus n) (at_path x)) + IZR (base n) ->
  between T' (behind_relu first v n) (relu a).
Proof.
  intros t t' h pos neg least e. unfold behind_relu, between.
  destruct (weigh_sound T v x (plus n) h pos (base n)) as [p1 p2].
  destruct (weigh_sound T v x (minus n) h neg 0) as [m1 m2].
  set (high := if first then _ else _).
  assert (IZR T' * a <= IZR high) as top.
  { unfold high. destruct first.
    - rewrite minus_IZR. lra.
    - pose proof (drain_sound T v x (minus n) t h neg (least eq_refl) (weigh snd v (plus n) (base n))). lra. }
  destruct (Z.leb_spec high 0) as [off | on]; cbn [fst snd].
  - apply IZR_le in off. rewrite relu_neg by nra. lra.
  - apply IZR_lt in on. rewrite <- (Rmult_0_r (IZR T')) in on. split.
    + destruct (Z.max_spec 0 (weigh fst v (plus n) (base n) - weigh snd v (minus n) 0)) as [[_ ->] | [_ ->]].
      * rewrite minus_IZR. pose proof (relu_ge a). nra.
      * pose proof (relu_nonneg a). nra.
    + destruct (relu_cases a) as [[s ->] | [s ->]]; lra.
Qed.

(* ---- all layers but the last ---- *)
Fixpoint behind (T : Z) (net : list zlayer) (x : list R) : list R :=
  match net with [] => x | l :: rest => behind (scale l) rest (map relu (affine (real_layer T l) x)) end.
Fixpoint last_scale (T : Z) (net : list zlayer) : Z :=
  match net with [] => T | l :: rest => last_scale (scale l) rest end.

Lemma eval_last last net : forall T x, eval (real_network T (net ++ [last])) x =
  affine (real_layer (last_scale T net) last) (behind T net x).
Proof.
  induction net as [| l rest IH]; intros T x; [reflexivity |].
  cbn [app real_network behind last_scale]. rewrite <- IH. destruct rest; reflexivity.
Qed.

Lemma last_scale_pos net : forall T, (0 < T)%Z -> Forall fit net -> (0 < last_scale T net)%Z.
Proof.
  induction net as [| l net IH]; intros T t h; [exact t |]. inversion h as [| ? ? [s _] ?]. apply IH; assumption.
Qed.

Lemma at_relu x p : at_path (map relu x) p = relu (at_path x p).
Proof. unfold at_path. rewrite <- (relu_pos 0) at 1 by lra. apply map_nth. Qed.

Lemma propagate_sound net : forall first T v x, (0 < T)%Z -> Forall fit net -> within T v x ->
  (first = false -> forall p, 0 <= at_path x p) ->
  within (last_scale T net) (propagate first (map (fun l => plant (neurons l)) net) v) (behind T net x).
Proof.
  induction net as [| l net IH]; intros first T v x t h w least; [exact w |].
  inversion h as [| ? ? f rest]; subst. pose proof (proj1 f) as s. cbn [map propagate behind last_scale].
  apply IH; [exact s | exact rest | | intros _ p; rewrite at_relu; apply relu_nonneg].
  intro p. rewrite at_relu.
  assert (behind_relu first v silent = (0, 0)%Z) as <- by (destruct first; reflexivity).
  rewrite get_map, get_plant. destruct (fit_nth l (index p) f) as [pos neg].
  apply behind_relu_sound with (T := T) (x := x); try assumption; try (apply IZR_lt; assumption).
  apply neuron_value, IZR_lt, s.
Qed.
