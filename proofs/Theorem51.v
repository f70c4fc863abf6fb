(* Theorem 5.1, the exact law: y_i x_i = alpha w + y_i xi_i, w a unit vector, alpha > 0, the noise xi_i orthogonal to w,
   and s the best margin of the noise over unit vectors orthogonal to w. There is a direction of greatest margin; the
   margin of each is sqrt(alpha^2 + max(s, 0)^2), and the tangent of its angle to w is max(s, 0) / alpha. *)
From Coq Require Import Reals List Lra.
Require Import Network.
Import ListNotations.
Open Scope R_scope.

(* ---- vectors of one length, as functions on 0..d-1 ---- *)
Section InnerProduct.
  Variable d : nat.
  Definition vec := nat -> R.
  Definition ip (u v : vec) : R := sum (map (fun i => u i * v i) (seq 0 d)).
  Definition combine (s : R) (u : vec) (t : R) (v : vec) : vec := fun i => s * u i + t * v i.

  Lemma ip_combine_l s u t v w : ip (combine s u t v) w = s * ip u w + t * ip v w.
  Proof. unfold ip, combine. induction (seq 0 d) as [| i l IH]; simpl; [ring | rewrite IH; ring]. Qed.
  Lemma ip_sym u v : ip u v = ip v u.
  Proof. unfold ip. induction (seq 0 d) as [| i l IH]; simpl; [reflexivity | rewrite IH; ring]. Qed.
  Lemma ip_combine_r s u t v w : ip w (combine s u t v) = s * ip w u + t * ip w v.
  Proof. rewrite ip_sym, ip_combine_l, (ip_sym u), (ip_sym v). reflexivity. Qed.
  Lemma ip_nonneg u : 0 <= ip u u.
  Proof. unfold ip. induction (seq 0 d) as [| i l IH]; simpl; [lra |]. nra. Qed.

  Lemma ip_zero_all u : ip u u = 0 -> forall i, (i < d)%nat -> u i = 0.
  Proof.
    intros z i h. unfold ip in z. assert (In i (seq 0 d)) as m by (apply in_seq; split;
      [apply PeanoNat.Nat.le_0_l | exact h]).
    revert z m. induction (seq 0 d) as [| j l IH]; simpl; intros z m; [contradiction |].
    assert (0 <= sum (map (fun i => u i * u i) l)) by (clear; induction l as [| j l IH]; simpl; [lra | nra]).
    destruct m as [-> | m]; [nra |]. apply IH; [nra | exact m].
  Qed.
  Lemma ip_of_zero u v : ip u u = 0 -> ip v u = 0.
  Proof.
    intro z. pose proof (ip_zero_all u z) as all. unfold ip.
    assert (forall i, In i (seq 0 d) -> u i = 0) as a by (intros i m; apply all; apply in_seq in m; destruct m;
      assumption).
    clear z all. revert a. induction (seq 0 d) as [| i l IH]; simpl; intro a; [reflexivity |].
    rewrite (a i (or_introl eq_refl)), IH by (intros; apply a; right; assumption). ring.
  Qed.
End InnerProduct.

(* ---- the plane: alpha c + sigma s on the half circle c^2 + s^2 = 1, s >= 0 ---- *)
Lemma plane_bound alpha sigma c s : 0 < alpha -> 0 <= s -> c * c + s * s = 1 ->
  alpha * c + sigma * s <= sqrt (alpha * alpha + Rmax sigma 0 * Rmax sigma 0).
Proof.
  intros ap sp unit. set (p := Rmax sigma 0). assert (0 <= p) by apply Rmax_r. assert (sigma <= p) by apply Rmax_l.
  apply Rle_trans with (alpha * c + p * s); [nra |].
  destruct (Rle_lt_dec (alpha * c + p * s) 0) as [neg | pos]; [pose proof (sqrt_pos (alpha * alpha + p * p)); lra |].
  rewrite <- (sqrt_square (alpha * c + p * s)) by lra. apply sqrt_le_1_alt.
  assert (0 <= (alpha * s - p * c) * (alpha * s - p * c)) by apply Rle_0_sqr. nra.
Qed.

Lemma plane_equality alpha sigma c s : 0 < alpha -> 0 <= s -> c * c + s * s = 1 ->
  alpha * c + sigma * s = sqrt (alpha * alpha + Rmax sigma 0 * Rmax sigma 0) ->
  0 < c /\ s / c = Rmax sigma 0 / alpha.
Proof.
  intros ap sp unit e. set (p := Rmax sigma 0) in *. assert (0 <= p) by apply Rmax_r.
  assert (sigma <= p) by apply Rmax_l.
  set (r := sqrt (alpha * alpha + p * p)) in *. assert (r * r = alpha * alpha + p * p) as rr by (apply sqrt_sqrt; nra).
  assert (0 < r) as rp by (apply sqrt_lt_R0; nra).
  (* the sum with p is not smaller, and not larger than r: so equal, and the square of alpha s - p c is 0 *)
  assert (alpha * c + p * s <= r) as le.
  { pose proof (plane_bound alpha p c s ap sp unit) as b. rewrite (Rmax_left p 0) in b by lra. exact b. }
  assert (alpha * c + p * s = r) as e' by nra.
  assert ((alpha * s - p * c) * (alpha * s - p * c) = 0) as z by nra.
  apply Rmult_integral in z. assert (alpha * s = p * c) as par by (destruct z; lra).
  assert (0 < c) as cp.
  { destruct (Rlt_le_dec 0 c) as [h | h]; [exact h | exfalso]. assert (p * c <= 0) by nra. assert (s = 0) by nra.
    subst s. nra. }
  split; [exact cp |]. apply Rmult_eq_reg_r with (c * alpha); [| nra]. field_simplify; [nra | lra | lra].
Qed.

Lemma plane_attained alpha sigma : 0 < alpha ->
  let p := Rmax sigma 0 in let r := sqrt (alpha * alpha + p * p) in
  0 < r /\ 0 <= p / r /\ alpha / r * (alpha / r) + p / r * (p / r) = 1 /\ alpha * (alpha / r) + sigma * (p / r) = r.
Proof.
  intros ap p r. assert (0 <= p) as pp by apply Rmax_r.
  assert (r * r = alpha * alpha + p * p) as rr by (apply sqrt_sqrt; nra).
  assert (0 < r) as rp by (apply sqrt_lt_R0; nra).
  assert (sigma * p = p * p) as sq by (unfold p, Rmax; destruct Rle_dec; nra).
  repeat split; [exact rp | apply Rmult_le_pos; [exact pp | left; apply Rinv_0_lt_compat, rp] | |].
  - apply Rmult_eq_reg_r with (r * r); [| nra]. field_simplify; [nra | lra].
  - apply Rmult_eq_reg_r with r; [| lra]. field_simplify; [nra | lra].
Qed.

(* ---- the data ---- *)
Section Data.
  Variable d : nat.
  Notation ip := (ip d).
  Variable w : vec.
  Hypothesis w_unit : ip w w = 1.
  Variable alpha : R.
  Hypothesis alpha_pos : 0 < alpha.
  (* the noise times the label, y_i xi_i, orthogonal to w; then y_i x_i = alpha w + y_i xi_i *)
  Variable noise : list vec.
  Hypothesis some : noise <> [].
  Hypothesis orthogonal : forall n, In n noise -> ip n w = 0.
  Definition data (n : vec) : vec := combine alpha w 1 n.

  (* m is the margin of v: the least y_i <x_i, v> *)
  Definition is_margin (v : vec) (m : R) : Prop := (exists n, In n noise /\ ip (data n) v = m) /\
    forall n, In n noise -> m <= ip (data n) v.
  Definition is_noise_margin (u : vec) (m : R) : Prop := (exists n, In n noise /\ ip n u = m) /\
    forall n, In n noise -> m <= ip n u.

  Definition unit_orthogonal (u : vec) : Prop := ip u u = 1 /\ ip u w = 0.
  (* s is the best noise margin *)
  Variables (s : R) (best : vec).
  Hypothesis best_feasible : unit_orthogonal best.
  Hypothesis best_margin : is_noise_margin best s.
  Hypothesis best_is_best : forall u m, unit_orthogonal u -> is_noise_margin u m -> m <= s.

  Definition cosine (v : vec) : R := ip v w.
  Definition rest (v : vec) : vec := combine 1 v (- cosine v) w.
  Definition sine (v : vec) : R := sqrt (ip (rest v) (rest v)).

  Lemma rest_orthogonal v : ip (rest v) w = 0.
  Proof. unfold rest, cosine. rewrite ip_combine_l, w_unit. ring. Qed.
  Lemma pythagoras v : ip v v = 1 -> cosine v * cosine v + sine v * sine v = 1.
  Proof.
    intro u. unfold sine. rewrite sqrt_sqrt by apply ip_nonneg. unfold rest.
    rewrite ip_combine_l, !ip_combine_r, w_unit, u, (ip_sym d w v). unfold cosine. ring.
  Qed.
  Lemma margin_split n v : In n noise -> ip (data n) v = alpha * cosine v + ip n (rest v).
  Proof.
    intro i. unfold data, rest, cosine. rewrite ip_combine_l, ip_combine_r, (orthogonal n i), (ip_sym d w v). ring.
  Qed.

  (* every unit vector's margin is alpha cos + s' sin with s' <= s, s' a noise margin *)
  Lemma noise_margin_of_rest v : forall m, (exists n, In n noise /\ ip n (rest v) = m) -> (forall n, In n noise ->
    m <= ip n (rest v)) ->
    m <= s * sine v.
  Proof.
    intros m [n [i e]] least. destruct (Req_dec (sine v) 0) as [z | nz].
    - rewrite z, Rmult_0_r, <- e. right. apply ip_of_zero. apply sqrt_eq_0; [apply ip_nonneg | exact z].
    - assert (0 < sine v) as sp by (pose proof (sqrt_pos (ip (rest v) (rest v))); unfold sine in *; lra).
      assert (sine v * sine v = ip (rest v) (rest v)) as sq by (apply sqrt_sqrt, ip_nonneg).
      set (u := combine (/ sine v) (rest v) 0 w).
      assert (forall k, ip k u = / sine v * ip k (rest v)) as scaled by (intro k; unfold u; rewrite ip_combine_r; ring).
      assert (m / sine v <= s) as h.
      { apply (best_is_best u).
        - split; [unfold u at 1; rewrite ip_combine_l, scaled, <- sq, (ip_sym d w u), (ip_sym d u w), scaled,
          (ip_sym d w), rest_orthogonal; field; exact nz |].
          rewrite ip_sym, scaled, ip_sym, rest_orthogonal. ring.
        - split.
          + exists n. split; [exact i |]. rewrite scaled, e. field. exact nz.
          + intros k j. rewrite scaled. unfold Rdiv. rewrite Rmult_comm. apply Rmult_le_compat_l; [left;
            apply Rinv_0_lt_compat, sp | apply least, j]. }
      apply Rmult_le_reg_r with (/ sine v); [apply Rinv_0_lt_compat, sp |]. rewrite Rmult_assoc, Rinv_r by exact nz.
      unfold Rdiv in h. lra.
  Qed.

  Definition greatest : R := sqrt (alpha * alpha + Rmax s 0 * Rmax s 0).

  Theorem no_direction_has_more v m : ip v v = 1 -> is_margin v m -> m <= greatest.
  Proof.
    intros unit [[n [i e]] least]. pose proof (pythagoras v unit) as py.
    apply Rle_trans with (alpha * cosine v + s * sine v); [| apply plane_bound;
      [exact alpha_pos | apply sqrt_pos | exact py]].
    assert (m - alpha * cosine v <= s * sine v); [| lra]. apply noise_margin_of_rest.
    - exists n. split; [exact i |]. rewrite (margin_split n v i) in e. lra.
    - intros k j. pose proof (least k j) as l. rewrite (margin_split k v j) in l. lra.
  Qed.

  (* The law: every direction of greatest margin has cosine > 0 and tangent max(s, 0) / alpha ... *)
  Theorem exact_angle v : ip v v = 1 -> is_margin v greatest -> 0 < cosine v /\ sine v / cosine v = Rmax s 0 / alpha.
  Proof.
    intros unit margin. pose proof (pythagoras v unit) as py. apply plane_equality; try assumption; [apply sqrt_pos |].
    apply Rle_antisym; [apply plane_bound; [exact alpha_pos | apply sqrt_pos | exact py] |].
    destruct margin as [[n [i e]] least]. fold greatest.
    assert (greatest - alpha * cosine v <= s * sine v); [| lra]. apply noise_margin_of_rest.
    - exists n. split; [exact i |]. rewrite (margin_split n v i) in e. lra.
    - intros k j. pose proof (least k j) as l. rewrite (margin_split k v j) in l. lra.
  Qed.

  (* ... and there is one. *)
  Theorem attained : exists v, ip v v = 1 /\ is_margin v greatest.
  Proof.
    destruct (plane_attained alpha s alpha_pos) as (rp & pr & one & value). fold greatest in rp, pr, one, value.
    exists (combine (alpha / greatest) w (Rmax s 0 / greatest) best). destruct best_feasible as [bb bw].
    destruct best_margin as [[n [i e]] least].
    assert (forall k, In k noise -> ip (data k) (combine (alpha / greatest) w (Rmax s 0 / greatest) best)
              = alpha * (alpha / greatest) + ip k best * (Rmax s 0 / greatest)) as split_.
    { intros k j. unfold data. rewrite ip_combine_l, !ip_combine_r, w_unit, (orthogonal k j), (ip_sym d w best), bw.
      ring. }
    split.
    - rewrite ip_combine_l, !ip_combine_r, w_unit, bb, bw, (ip_sym d w best), bw. lra.
    - split.
      + exists n. split; [exact i |]. rewrite (split_ n i), e. exact value.
      + intros k j. rewrite (split_ k j). pose proof (least k j) as l. apply (Rmult_le_compat_r _ _ _ pr) in l. lra.
  Qed.

  (* v is a max-margin direction: a unit vector whose margin no unit vector exceeds. *)
  Definition max_margin_direction (v : vec) : Prop :=
    ip v v = 1 /\ exists m, is_margin v m /\ forall v' m', ip v' v' = 1 -> is_margin v' m' -> m' <= m.

  Theorem theorem_5_1_exact_law : (exists v, max_margin_direction v) /\
    forall v, max_margin_direction v ->
      is_margin v (sqrt (alpha * alpha + Rmax s 0 * Rmax s 0)) /\ 0 < cosine v /\ sine v / cosine v = Rmax s 0 / alpha.
  Proof.
    destruct attained as (best_v & unit & margin). split.
    - exists best_v. split; [exact unit |]. exists greatest. split; [exact margin | exact no_direction_has_more].
    - intros v [uv (m & mv & top)]. assert (m = greatest) as ->.
      { apply Rle_antisym; [apply (no_direction_has_more v m uv mv) | apply (top best_v greatest unit margin)]. }
      split; [exact mv | apply exact_angle; assumption].
  Qed.
End Data.
