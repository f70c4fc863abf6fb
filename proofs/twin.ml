(* Reads the words that twin.py writes, makes integers of the floats, asks the proved checker about each ball, and
   prints what it says. Nothing here is proved: it decides of which network, balls and claims the theorems speak. *)
(* The checker has a module Z of its own. *)
module Whole = Z
open Checker

let word = Bytes.create 8
let bits () = really_input stdin word 0 8; Bytes.get_int64_le word 0
let int () = Int64.to_int (bits ())
let float () = Int64.float_of_bits (bits ())
let floats n = Array.init n (fun _ -> float ())
let ints n = Array.init n (fun _ -> int ())
let option read = if int () = 1 then Some (read ()) else None

(* v = m 2^e with m whole. *)
let parts v = let m, e = Float.frexp v in (Whole.of_float (Float.ldexp m 53), e - 53)
(* The least number from k on for which 2^k v is whole, and that for all of an array. *)
let places k v = if v = 0. then k else let m, e = parts v in max k (-(e + Whole.trailing_zeros m))
let places_of = Array.fold_left places
let scaled k v = let m, e = parts v in if e + k >= 0 then Whole.shift_left m (e + k) else Whole.shift_right m (-(e + k))
let power k = Whole.shift_left Whole.one k

let rec path k = if k = 0 then Here else if k land 1 = 1 then Left (path (k / 2)) else Right (path (k / 2 - 1))

type floats_of_layer = { start : int array; column : int array; weight : float array; bias : float array }
let read_layer () =
  let rows = int () in
  let size = int () in
  let start = ints (rows + 1) in
  let column = ints size in
  let weight = floats size in
  { start; column; weight; bias = floats rows }
let row l r =
  let s = l.start.(r) in
  List.init (l.start.(r + 1) - s) (fun i -> (l.column.(s + i), l.weight.(s + i)))

let affine l x = Array.mapi (fun r b -> List.fold_left (fun s (j, w) -> s +. w *. x.(j)) b (row l r)) l.bias
let relu = Array.map (Float.max 0.)

(* Those that are likely to be large first, in groups of 2, 4, ... with a sum of inputs for each weight. *)
let groups paths usual k entries =
  let size (j, w) = Float.abs w *. usual.(j) in
  let sorted = List.sort (fun a b -> compare (size b, a) (size a, b)) entries in
  let rec take n = function e :: es when n > 0 -> let a, b = take (n - 1) es in (e :: a, b) | es -> ([], es) in
  let rec cut n es =
    if es = [] then [] else
    let some, rest = take n es in
    let inputs w = List.filter_map (fun (j, v) -> if v = w then Some paths.(j) else None) some in
    let weights = List.sort_uniq compare (List.map snd some) in
    List.map (fun w -> (scaled k (Float.abs w), inputs w)) weights @ cut (2 * n) rest in
  cut 2 sorted

(* The layer whose inputs are integers over 2^k, and its values over 2^next. *)
let integers l usual k next =
  let paths = Array.init (Array.length usual) path in
  let neuron r b =
    let plus, minus = List.partition (fun (_, w) -> w > 0.) (row l r) in
    let groups = groups paths usual (next - k) in
    { base = scaled next b; plus = groups plus; minus = groups minus } in
  { scale = power next; neurons = Array.to_list (Array.mapi neuron l.bias) }

(* Side by side in memory what is read one after the other. *)
let in_order (net : zlayer list) : zlayer list = Marshal.from_string (Marshal.to_string net []) 0

type claim = { label : int; certified : bool; least : float option; witness : float array option }

let () =
  set_binary_mode_in stdin true;
  let depth = int () in
  let layers = List.init depth (fun _ -> read_layer ()) in
  let count = int () in
  let dim = int () in
  let radius = float () in
  let points = Array.init count (fun _ -> floats dim) in
  let claims = Array.init count (fun _ ->
    let label = int () in
    let certified = int () = 1 in
    let least = option float in
    { label; certified; least; witness = option (fun () -> floats dim) }) in
  (match input_char stdin with exception End_of_file -> () | _ -> failwith "there is more than that many claims");
  let first = Array.fold_left places_of (places 0 radius) points in
  let first = Array.fold_left (fun k c -> places_of k (Option.value c.witness ~default:[||])) first claims in
  let last = Array.fold_left (fun k c -> places k (Option.value c.least ~default:0.)) 0 claims in
  let rec convert k xs = function
    | [] -> (k, [])
    | l :: rest ->
      let next = max (places_of (if rest = [] then last else 0) l.bias) (k + places_of 0 l.weight) in
      let usual = Array.fold_left (Array.map2 (+.)) (Array.map (fun _ -> 0.) xs.(0)) xs in
      let final, converted = convert next (Array.map (fun x -> relu (affine l x)) xs) rest in
      (final, integers l usual k next :: converted) in
  let some = min count 32 in
  let last, net = convert first (Array.init some (fun i -> points.(i * count / some))) layers in
  let net = prepare (power first) (in_order net) in
  let whole x = Array.to_list (Array.map (scaled first) x) and r = scaled first radius in
  let is_confirmed i { label; certified; least; witness } =
    let centre = whole points.(i) in
    let bound m = bounded net centre r label (scaled last m) && (m > 0. || not certified) in
    let error w = refuted net centre r label (whole w) in
    Option.fold ~none:(not certified) ~some:bound least && Option.fold ~none:true ~some:error witness in
  let left = List.filter (fun i -> not (is_confirmed i claims.(i))) (List.init count Fun.id) in
  Printf.printf "{\"points\": %d, \"confirmed\": %d, \"not confirmed\": [%s]}\n" count (count - List.length left)
    (String.concat ", " (List.map string_of_int left));
  exit (if left = [] then 0 else 1)
