(* Vectors as binary trees: reading an entry takes a logarithm of their length, and a linear form may be followed
   through the tree of its coefficients. Entry k of a list stands at the path whose index is k. *)
From Coq Require Import Reals ZArith List Lra Lia.
Import ListNotations.
Open Scope R_scope.

Inductive path := Here | Left (p : path) | Right (p : path).
Fixpoint index (p : path) : nat :=
  match p with Here => 0 | Left p => 2 * index p + 1 | Right p => 2 * index p + 2 end%nat.
Fixpoint next (p : path) : path := match p with Here => Left Here | Left p => Right p | Right p => Left (next p) end.

Inductive tree (A : Type) := Empty | Node (l : tree A) (a : A) (r : tree A).
Arguments Empty {A}.
Arguments Node {A}.

Section Trees.
Context {A B : Type}.
Fixpoint get (d : A) (t : tree A) (p : path) : A :=
  match t with
  | Empty => d
  | Node l a r => match p with Here => a | Left p => get d l p | Right p => get d r p end
  end.
(* In front of all entries. *)
Fixpoint push (a : A) (t : tree A) : tree A :=
  match t with Empty => Node Empty a Empty | Node l b r => Node (push b r) a l end.
(* By tail calls alone. *)
Definition plant (l : list A) : tree A := fold_left (fun t a => push a t) (rev_append l []) Empty.
Fixpoint tree_map (f : A -> B) (t : tree A) : tree B :=
  match t with Empty => Empty | Node l a r => Node (tree_map f l) (f a) (tree_map f r) end.
End Trees.

Lemma index_next p : index (next p) = S (index p).
Proof. induction p; simpl; [reflexivity | lia | rewrite IHp; lia]. Qed.

Lemma here_or_next p : p = Here \/ exists q, p = next q.
Proof.
  induction p as [| p [-> | [q ->]] | p _]; [left; reflexivity | right .. ].
  - exists Here. reflexivity.
  - exists (Right q). reflexivity.
  - exists (Left p). reflexivity.
Qed.

Lemma get_push_here {A} (d a : A) t : get d (push a t) Here = a.
Proof. destruct t; reflexivity. Qed.

Lemma get_push_next {A} (d a : A) t p : get d (push a t) (next p) = get d t p.
Proof.
  revert a p. induction t as [| l IHl b r IHr]; intros a p.
  { destruct p as [| p | p]; simpl; try destruct p; reflexivity. }
  destruct p as [| p | p]; simpl; [apply get_push_here | reflexivity | apply IHr].
Qed.

Lemma get_plant {A} (d : A) l p : get d (plant l) p = nth (index p) l d.
Proof.
  unfold plant. rewrite rev_append_rev, app_nil_r, <- fold_left_rev_right, rev_involutive.
  revert p. induction l as [| a l IH]; intro p; [destruct (index p); reflexivity |].
  destruct (here_or_next p) as [-> | [q ->]]; simpl.
  - apply get_push_here.
  - rewrite get_push_next, index_next. apply IH.
Qed.

Lemma get_map {A B} (f : A -> B) d t p : get (f d) (tree_map f t) p = f (get d t p).
Proof. revert p. induction t; intro p; simpl; [reflexivity | destruct p; auto]. Qed.

(* ---- linear forms with integer coefficients ---- *)
Fixpoint add (p : path) (w : Z) (f : tree Z) : tree Z :=
  match p, f with
  | Here, Empty => Node Empty w Empty
  | Here, Node l a r => Node l (a + w)%Z r
  | Left p, Empty => Node (add p w Empty) 0%Z Empty
  | Left p, Node l a r => Node (add p w l) a r
  | Right p, Empty => Node Empty 0%Z (add p w Empty)
  | Right p, Node l a r => Node l a (add p w r)
  end.
Definition form (entries : list (Z * path)) : tree Z := fold_right (fun e => add (snd e) (fst e)) Empty entries.

(* The least value where each entry is between two bounds. *)
Fixpoint least (f : tree Z) (v : tree (Z * Z)) : Z :=
  match f, v with
  | Node l w r, Node below (lo, hi) above =>
    ((if 0 <=? w then w * lo else w * hi) + (least l below + least r above))%Z
  | _, _ => 0%Z
  end.

Fixpoint value (f : tree Z) (x : path -> R) : R :=
  match f with
  | Empty => 0
  | Node l w r => IZR w * x Here + (value l (fun p => x (Left p)) + value r (fun p => x (Right p)))
  end.

Lemma value_add p w f x : value (add p w f) x = IZR w * x p + value f x.
Proof.
  revert f x. induction p as [| p IH | p IH]; intros [| l a r] x; simpl; rewrite ?IH, ?plus_IZR; simpl; ring.
Qed.

Definition total (entries : list (Z * path)) (x : path -> R) : R :=
  fold_right (fun e s => IZR (fst e) * x (snd e) + s) 0 entries.

Lemma value_form entries x : value (form entries) x = total entries x.
Proof. induction entries as [| [w p] entries IH]; simpl; [reflexivity |]. rewrite value_add, IH. reflexivity. Qed.

Lemma value_opp f x : value (tree_map Z.opp f) x = - value f x.
Proof. revert x. induction f; intro x; simpl; [ring |]. rewrite IHf1, IHf2, opp_IZR. ring. Qed.

(* Bounds of T times each entry; where the tree has none, the entry is 0. *)
Definition between (T : Z) (b : Z * Z) (a : R) : Prop := IZR (fst b) <= IZR T * a <= IZR (snd b).

Lemma value_split T w l r x : T * value (Node l w r) x =
  IZR w * (T * x Here) + (T * value l (fun p => x (Left p)) + T * value r (fun p => x (Right p))).
Proof. simpl. ring. Qed.

Lemma value_zero T f x : (forall p, T * x p = 0) -> T * value f x = 0.
Proof.
  revert x. induction f as [| l IHl w r IHr]; intros x e; [simpl; ring |].
  rewrite value_split, (e Here), (IHl _ (fun p => e (Left p))), (IHr _ (fun p => e (Right p))). ring.
Qed.

Lemma least_sound T f v x : (forall p, between T (get (0, 0)%Z v p) (x p)) -> IZR (least f v) <= IZR T * value f x.
Proof.
  revert v x. induction f as [| l IHl w r IHr]; intros v x h; [simpl; lra |].
  destruct v as [| below [lo hi] above].
  - rewrite value_zero; [simpl; lra |]. intro p. specialize (h p). unfold between in h. simpl in h. lra.
  - rewrite value_split. specialize (IHl below (fun p => x (Left p)) (fun p => h (Left p))).
    specialize (IHr above (fun p => x (Right p)) (fun p => h (Right p))).
    specialize (h Here). unfold between in h. simpl in h. simpl least. rewrite !plus_IZR.
    destruct (Z.leb_spec 0 w) as [s | s]; rewrite mult_IZR; [apply IZR_le in s | apply IZR_lt in s]; nra.
Qed.
