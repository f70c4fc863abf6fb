(* The proved checker as OCaml. Integers are zarith's, with its arithmetic; nat is int, for labels and lengths. *)
From Coq Require Import Extraction ExtrOcamlBasic ExtrOcamlNatInt ExtrOcamlZBigInt.
Require Import Checker.
Extraction Language OCaml.
Extraction "checker.ml" prepare bounded refuted.
