(* Vectors of R^d as lists: sum, scaling, difference, the norms l_1 and l_inf, Hoelder's inequality, the gradient along
   a segment, and the step of length delta in l_inf along which a linear function gains most:
     delta times its l_1 norm. *)
From Coq Require Import Reals List Lra.
From Coquelicot Require Import Coquelicot.
Require Import Network.
Import ListNotations.
Open Scope R_scope.

Fixpoint add (x v : list R) : list R := match x, v with a :: x', b :: v' => (a + b) :: add x' v' | _, _ => [] end.
Definition scale (t : R) (v : list R) : list R := map (Rmult t) v.
Definition sub (x z : list R) : list R := add x (scale (-1) z).
Definition norm1 (v : list R) : R := sum (map Rabs v).
Definition norm_inf (v : list R) : R := fold_right Rmax 0 (map Rabs v).

Lemma add_length d x v : length x = d -> length v = d -> length (add x v) = d.
Proof.
  intros <-. revert v. induction x; intros [| b v]; simpl; intro h; try discriminate; [reflexivity |].
  f_equal. apply IHx. injection h as h. exact h.
Qed.
Lemma scale_length d t v : length v = d -> length (scale t v) = d.
Proof. intros <-. apply map_length. Qed.
Lemma sub_length d x z : length x = d -> length z = d -> length (sub x z) = d.
Proof. intros. apply add_length; [assumption |]. apply scale_length. assumption. Qed.
Lemma add_zero x v : length v = length x -> add x (scale 0 v) = x.
Proof.
  revert v; induction x as [| a x IH]; destruct v as [| b v]; simpl; intro e; try discriminate; [reflexivity |].
  injection e as e. rewrite IH by exact e. f_equal. ring.
Qed.
Lemma add_one x v : add x (scale 1 v) = add x v.
Proof. f_equal. unfold scale. rewrite map_ext with (g := fun a => a) by (intro; ring). apply map_id. Qed.

Lemma norm1_nonneg v : 0 <= norm1 v.
Proof. unfold norm1. induction v as [| a v IH]; simpl; [lra |]. pose proof (Rabs_pos a). lra. Qed.
Lemma norm_inf_nonneg v : 0 <= norm_inf v.
Proof. unfold norm_inf. induction v as [| a v IH]; simpl; [lra |]. eapply Rle_trans; [exact IH | apply Rmax_r]. Qed.
Lemma norm_inf_le v delta : 0 <= delta -> (norm_inf v <= delta <-> forall a, In a v -> Rabs a <= delta).
Proof.
  intro pos. unfold norm_inf. induction v as [| a v IH]; simpl; [split; [intros _ b [] | lra] |]. split.
  - intros h b [<- | i]; [eapply Rle_trans; [apply Rmax_l | exact h] |].
    apply IH; [eapply Rle_trans; [apply Rmax_r | exact h] | exact i].
  - intro h. apply Rmax_lub; [apply h; left; reflexivity | apply IH; intros b i; apply h; right; exact i].
Qed.
Lemma norm_inf_scale t v : norm_inf (scale t v) = Rabs t * norm_inf v.
Proof.
  unfold norm_inf, scale. induction v as [| a v IH]; simpl; [ring |].
  rewrite IH, Rabs_mult, RmaxRmult by apply Rabs_pos. reflexivity.
Qed.

Lemma hoelder g v : Rabs (dot g v) <= norm1 g * norm_inf v.
Proof.
  revert v; induction g as [| a g IH]; intro v.
  - simpl. rewrite Rabs_R0. apply Rmult_le_pos; [apply norm1_nonneg | apply norm_inf_nonneg].
  - destruct v as [| b v].
    + simpl. rewrite Rabs_R0. apply Rmult_le_pos; [apply norm1_nonneg | apply norm_inf_nonneg].
    + change (dot (a :: g) (b :: v)) with (a * b + dot g v).
      change (norm1 (a :: g)) with (Rabs a + norm1 g). change (norm_inf (b :: v)) with (Rmax (Rabs b) (norm_inf v)).
      eapply Rle_trans; [apply Rabs_triang |]. rewrite Rabs_mult. specialize (IH v). pose proof (norm1_nonneg g).
      pose proof (Rabs_pos a). pose proof (Rmax_l (Rabs b) (norm_inf v)). pose proof (Rmax_r (Rabs b) (norm_inf v)).
      assert (Rabs a * Rabs b <= Rabs a * Rmax (Rabs b) (norm_inf v)) by (apply Rmult_le_compat_l; assumption).
      assert (norm1 g * norm_inf v <= norm1 g * Rmax (Rabs b) (norm_inf v)) by (apply Rmult_le_compat_l; assumption).
      lra.
Qed.
Lemma dot_sub g h v : length g = length v -> length h = length v -> dot (sub g h) v = dot g v - dot h v.
Proof.
  unfold sub. revert g h; induction v as [| a v IH]; intros [| b g] [| c h] e f; try discriminate; [simpl; ring |].
  injection e as e. injection f as f. simpl. rewrite IH by assumption. ring.
Qed.

(* g is the gradient of L at x: the derivative along every v is <g, v>. *)
Definition gradient (L : list R -> R) (x g : list R) : Prop :=
  forall v, length v = length x -> is_derive (fun t => L (add x (scale t v))) 0 (dot g v).

Lemma add_add_scale x v s t : add (add x (scale s v)) (scale t v) = add x (scale (s + t) v).
Proof.
  unfold scale. revert v; induction x as [| a x IH]; intros [| b v]; simpl; try reflexivity. f_equal; [ring | apply IH].
Qed.
(* Of a function with a gradient at every point, the derivative all along a segment. *)
Lemma derivative_along L grad d : (forall x, length x = d -> gradient L x (grad x)) ->
  forall x v t, length x = d -> length v = d ->
    is_derive (fun t => L (add x (scale t v))) t (dot (grad (add x (scale t v))) v).
Proof.
  intros g x v t lx lv. pose proof (add_length d x (scale t v) lx (scale_length d t v lv)) as ly.
  pose proof (g _ ly v ltac:(rewrite ly; exact lv)) as at_y.
  apply (is_derive_ext (fun s => L (add (add x (scale t v)) (scale (s - t) v)))).
  { intro s. rewrite add_add_scale. do 3 f_equal. ring. }
  replace (dot (grad (add x (scale t v))) v) with (scal 1 (dot (grad (add x (scale t v))) v))
    by (unfold scal; simpl; unfold mult; simpl; ring).
  apply (is_derive_comp (fun s => L (add (add x (scale t v)) (scale s v))) (fun s => s - t)).
  - replace (t - t) with 0 by ring. exact at_y.
  - auto_derive; [exact I | ring].
Qed.

Definition sign_of (a : R) : R := if Rle_dec 0 a then 1 else -1.
Definition steepest (delta : R) (g : list R) : list R := map (fun a => delta * sign_of a) g.
Lemma steepest_length d delta g : length g = d -> length (steepest delta g) = d.
Proof. intros <-. apply map_length. Qed.
Lemma steepest_in_ball delta g : 0 <= delta -> norm_inf (steepest delta g) <= delta.
Proof.
  intro pos. apply norm_inf_le; [exact pos |]. intros a i. apply in_map_iff in i. destruct i as (b & <- & _).
  rewrite Rabs_mult, (Rabs_pos_eq delta pos). unfold sign_of. destruct Rle_dec; unfold Rabs; destruct Rcase_abs; lra.
Qed.
Lemma dot_steepest delta g : dot g (steepest delta g) = delta * norm1 g.
Proof.
  unfold norm1, steepest. induction g as [| a g IH]; simpl; [ring |]. rewrite IH.
  unfold sign_of. destruct Rle_dec; unfold Rabs; destruct Rcase_abs; nra.
Qed.
