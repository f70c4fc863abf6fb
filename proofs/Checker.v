(* A checker of certificates over the reals, p = ∞, any number of classes, sound for the function of the network by
   CheckerSound.v: where it says yes, the margin is at least what is claimed on all of the ball, or the witness is an
   error in it. It follows intervals with integer ends, W = P - N with P, N >= 0, and rounds nothing. *)
From Coq Require Import Reals ZArith List Lra Lia Bool.
Require Import Network Trees.
Import ListNotations.
Open Scope R_scope.

(* ---- the network as the checker reads it: T' y = (P - N) (T x) + base, with integers alone ---- *)
(* A weight and the inputs that have it; the order of groups and inputs is free. *)
Definition group := (Z * list path)%type.
Record zneuron := { base : Z; plus : list group; minus : list group }.
(* scale is T', the T of the next layer. *)
Record zlayer := { scale : Z; neurons : list zneuron }.

(* ---- what it means: a network of the paper's form with real weights ---- *)
Definition flat (s : Z) (gs : list group) : list (Z * path) :=
  flat_map (fun g => map (fun p => (s * fst g, p)%Z) (snd g)) gs.
Definition entries (s : Z) (n : zneuron) : list (Z * path) := flat s (plus n) ++ flat (- s) (minus n).
Fixpoint add_at (k : nat) (w : R) (row : list R) : list R :=
  match k, row with
  | O, [] => [w]
  | O, a :: row => w + a :: row
  | S k, [] => 0 :: add_at k w []
  | S k, a :: row => a :: add_at k w row
  end.
Definition real_row (c : R) (es : list (Z * path)) : list R :=
  fold_right (fun e => add_at (index (snd e)) (c * IZR (fst e))) [] es.
Definition real_neuron (T T' : Z) (n : zneuron) : neuron :=
  (real_row (IZR T / IZR T') (entries 1 n), IZR (base n) / IZR T').
Definition real_layer (T : Z) (l : zlayer) : layer := map (real_neuron T (scale l)) (neurons l).
(* T is the scale of the inputs. *)
Fixpoint real_network (T : Z) (net : list zlayer) : list layer :=
  match net with [] => [] | l :: rest => real_layer T l :: real_network (scale l) rest end.

(* What has to be positive: with one output that is the label 1 or, for the label 0, its negative; with more the
   differences to the other outputs. *)
Definition others (n label : nat) : list nat := filter (fun c => negb (c =? label)%nat) (seq 0 n).
Definition margins (label : nat) (out : list R) : list R :=
  match out with
  | [a] => [if (label =? 0)%nat then - a else a]
  | _ => map (fun c => nth label out 0 - nth c out 0) (others (length out) label)
  end.
Definition labels (outputs : nat) : nat := match outputs with 1 => 2 | n => n end%nat.

(* ---- the checker ---- *)
Open Scope Z_scope.
Definition values := tree (Z * Z).
Fixpoint sum (part : Z * Z -> Z) (v : values) (ps : list path) (s : Z) : Z :=
  match ps with [] => s | p :: ps => sum part v ps (s + part (get (0, 0) v p)) end.
Fixpoint weigh (part : Z * Z -> Z) (v : values) (gs : list group) (s : Z) : Z :=
  match gs with [] => s | (w, ps) :: gs => weigh part v gs (s + w * sum part v ps 0) end.
(* What is left of s behind a ReLU: stops where that is nothing. *)
Fixpoint drain (v : values) (gs : list group) (s : Z) : Z :=
  if s <=? 0 then s else match gs with [] => s | (w, ps) :: gs => drain v gs (s - w * sum fst v ps 0) end.
Definition behind_relu (first : bool) (v : values) (n : zneuron) : Z * Z :=
  let top := weigh snd v (plus n) (base n) in
  let high := if first then top - weigh fst v (minus n) 0 else drain v (minus n) top in
  if high <=? 0 then (0, 0)
  else (Z.max 0 (weigh fst v (plus n) (base n) - weigh snd v (minus n) 0), high).
Fixpoint propagate (first : bool) (hidden : list (tree zneuron)) (v : values) : values :=
  match hidden with [] => v | l :: rest => propagate false rest (tree_map (behind_relu first v) l) end.

(* What is known before any ball: trees of hidden neurons, and for each label the forms of its margins. *)
Record prepared := { hidden : list (tree zneuron); forms : list (list (Z * tree Z)) }.
Definition output (s : Z) (n : zneuron) : Z * list (Z * path) := (s * base n, entries s n).
Definition difference (m n : zneuron) : Z * list (Z * path) := (base m - base n, entries 1 m ++ entries (-1) n).
Definition silent : zneuron := {| base := 0; plus := []; minus := [] |}.
Definition of_label (ns : list zneuron) (label : nat) : list (Z * list (Z * path)) :=
  match ns with
  | [n] => [output (if (label =? 0)%nat then -1 else 1) n]
  | _ => map (fun c => difference (nth label ns silent) (nth c ns silent)) (others (length ns) label)
  end.
Definition grown (m : Z * list (Z * path)) : Z * tree Z := (fst m, form (snd m)).
Definition is_fit (l : zlayer) : bool :=
  (0 <? scale l) && forallb (fun n => forallb (fun g => 0 <=? fst g) (plus n ++ minus n)) (neurons l).
Definition prepare (T : Z) (net : list zlayer) : prepared :=
  if (0 <? T) && forallb is_fit net then
    match rev net with
    | [] => {| hidden := []; forms := [] |}
    | last :: before =>
      {| hidden := map (fun l => plant (neurons l)) (rev before);
         forms := map (fun y => map grown (of_label (neurons last) y)) (seq 0 (labels (length (neurons last)))) |}
    end
  else {| hidden := []; forms := [] |}.

(* The ball around c / T with radius r / T. *)
Definition ball (c : list Z) (r : Z) : values := plant (map (fun a => (a - r, a + r)) c).
(* All margins on the ball are at least claim / T', T' the scale of the last layer. *)
Definition bounded (net : prepared) (c : list Z) (r : Z) (label : nat) (claim : Z) : bool :=
  match nth label (forms net) [] with
  | [] => false
  | fs => let v := propagate true (hidden net) (ball c r) in forallb (fun f => claim <=? fst f + least (snd f) v) fs
  end.
(* The witness w / T is in the ball, and a margin there is not positive. *)
Definition refuted (net : prepared) (c : list Z) (r : Z) (label : nat) (w : list Z) : bool :=
  (length c =? length w)%nat && forallb (fun ab => Z.abs (fst ab - snd ab) <=? r) (combine c w) &&
  let v := propagate true (hidden net) (ball w 0) in
  existsb (fun f => fst f <=? least (tree_map Z.opp (snd f)) v) (nth label (forms net) []).
Close Scope Z_scope.
