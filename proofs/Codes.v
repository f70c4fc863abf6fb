(* Gilbert and Varshamov, for theorem-3.5: there are K words of length n over m letters that differ pairwise in at
   least b places with m^n <= K V, V = sum_{k < b} C(n, k) (m-1)^k the words that differ from a given one in fewer
   than b places; for b = 1 all m^n. V is defined by Pascal's rule. *)
From Coq Require Import List Lia Arith.
Require Import Labellings Cubes.
Import ListNotations.

Section Codes.
  Variables m b : nat.
  Hypothesis letters : (1 <= m)%nat.

  Fixpoint words (n : nat) : list (list nat) :=
    match n with O => [[]] | S k => flat_map (fun c => map (cons c) (words k)) (seq 0 m) end.
  Lemma words_count n : length (words n) = m ^ n.
  Proof.
    induction n as [| n IH]; [reflexivity |]. simpl. rewrite <- IH. rewrite <- (seq_length m 0) at 2.
    induction (seq 0 m) as [| c l I]; simpl; [reflexivity |]. rewrite app_length, map_length, I. reflexivity.
  Qed.
  Lemma in_words n w : In w (words n) <-> length w = n /\ forall c, In c w -> c < m.
  Proof.
    revert w; induction n as [| n IH]; intro w; simpl.
    - split; [intros [<- | []]; split; [reflexivity | contradiction] | intros [e _]; destruct w; [auto | discriminate]].
    - rewrite in_flat_map. split.
      + intros (c & ic & iw). apply in_map_iff in iw. destruct iw as (v & <- & iv). apply in_seq in ic. apply IH in iv.
        destruct iv as [e all]. split; [simpl; lia |]. intros a [<- | ia]; [lia | apply all, ia].
      + intros [e all]. destruct w as [| c w]; [discriminate |]. exists c. split.
        * apply in_seq. specialize (all c (or_introl eq_refl)). lia.
        * apply in_map, IH. split; [injection e as e; exact e | intros a i; apply all; right; exact i].
  Qed.

  (* The words that differ from one in fewer than r places. *)
  Fixpoint volume (n r : nat) : nat :=
    match n, r with
    | _, O => 0
    | O, S _ => 1
    | S k, S s => volume k (S s) + (m - 1) * volume k s
    end.
  Definition near (r : nat) (w v : list nat) : bool := Nat.ltb (hamming w v) r.
  Lemma filter_none (A : Type) (p : A -> bool) l : (forall a, p a = false) -> length (filter p l) = 0.
  Proof. intro h. induction l as [| a l IH]; simpl; [reflexivity | rewrite h; exact IH]. Qed.
  Lemma near_count n : forall w r, In w (words n) -> length (filter (near r w) (words n)) = volume n r.
  Proof.
    induction n as [| n IH]; intros w r iw; apply in_words in iw; destruct iw as [e all].
    - destruct w; [| discriminate]. destruct r; reflexivity.
    - destruct w as [| c w]; [discriminate |]. injection e as e.
      assert (In w (words n)) as iw by (apply in_words; split; [exact e | intros a i; apply all; right; exact i]).
      assert (c < m) as hc by (apply all; left; reflexivity).
      destruct r as [| r]; [apply filter_none; intro v; reflexivity |]. simpl words. simpl volume.
      assert (forall l, NoDup l -> length (filter (near (S r) (c :: w)) (flat_map (fun g => map (cons g) (words n)) l))
        =
        (if in_dec Nat.eq_dec c l then volume n (S r) + (length l - 1) * volume n r else length l * volume n r)) as
          count.
      { intros l nd. induction nd as [| g l out nd I]; [reflexivity |]. simpl flat_map.
        rewrite filter_app_length, I, filter_map_length. destruct (Nat.eq_dec c g) as [<- | n'].
        - assert (length (filter (fun a => near (S r) (c :: w) (c :: a)) (words n)) = volume n (S r)) as ->.
          { rewrite <- (IH w (S r) iw). f_equal. apply filter_ext. intro a. unfold near. simpl.
            destruct (Nat.eq_dec c c); [reflexivity | contradiction]. }
          destruct (in_dec Nat.eq_dec c l); [contradiction |].
          destruct (in_dec Nat.eq_dec c (c :: l)) as [_ | f]; [| exfalso; apply f; left; reflexivity]. simpl.
            rewrite Nat.sub_0_r. lia.
        - assert (length (filter (fun a => near (S r) (c :: w) (g :: a)) (words n)) = volume n r) as ->.
          { rewrite <- (IH w r iw). f_equal. apply filter_ext. intro a. unfold near. simpl.
            destruct (Nat.eq_dec c g); [contradiction | reflexivity]. }
          destruct (in_dec Nat.eq_dec c l) as [i | o], (in_dec Nat.eq_dec c (g :: l)) as [i' | o'];
            try (exfalso; simpl in *; intuition congruence).
          + destruct l as [| h l]; [contradiction |]. simpl. rewrite Nat.sub_0_r. lia.
          + simpl. lia. }
      rewrite count by apply seq_NoDup. rewrite seq_length. destruct (in_dec Nat.eq_dec c (seq 0 m)) as [_ | f];
        [reflexivity |].
      exfalso. apply f, in_seq. lia.
  Qed.

  Lemma filter_split (A : Type) (p : A -> bool) l :
    length l = length (filter p l) + length (filter (fun a => negb (p a)) l).
  Proof. induction l as [| a l IH]; simpl; [reflexivity |]. destruct (p a); simpl; lia. Qed.
  Lemma filter_filter (A : Type) (p q : A -> bool) l : length (filter p (filter q l)) <= length (filter p l).
  Proof. induction l as [| a l IH]; simpl; [lia |]. destruct (q a); simpl; destruct (p a); simpl; lia. Qed.
  Lemma hamming_self w : hamming w w = 0.
  Proof. induction w as [| c w IH]; simpl; [reflexivity |]. destruct (Nat.eq_dec c c); [exact IH | contradiction]. Qed.
  Lemma hamming_sym v w : hamming v w = hamming w v.
  Proof.
    revert w; induction v as [| c v IH]; intros [| e w]; simpl; try reflexivity. rewrite IH.
    destruct (Nat.eq_dec c e), (Nat.eq_dec e c); congruence.
  Qed.

  (* Take a word, drop all that are near, go on. *)
  Hypothesis some : 1 <= b.
  Definition apart (code : list (list nat)) : Prop := forall j k, j < length code -> k < length code -> j <> k ->
    b <= hamming (nth j code []) (nth k code []).
  Lemma greedy n : forall k l, length l <= k -> (forall w, In w l -> In w (words n)) ->
    (forall p, length (filter p l) <= length (filter p (words n))) ->
    exists code, (forall w, In w code -> In w l) /\ apart code /\ length l <= length code * volume n b.
  Proof.
    induction k as [| k IH]; intros l len sub fewer.
    - exists []. destruct l; [| simpl in len; lia]. repeat split; [auto | intros j i h; simpl in h; lia | auto].
    - destruct l as [| w l]; [exists []; repeat split; [auto | intros j i h; simpl in h; lia | auto] |].
      set (rest := filter (fun v => negb (near b w v)) (w :: l)).
      assert (near b w w = true) as self by (unfold near; rewrite hamming_self; apply Nat.ltb_lt; lia).
      destruct (IH rest) as (code & inside & far & many).
      + unfold rest. simpl. rewrite self. simpl. pose proof (filter_split _ (near b w) l). simpl in len. lia.
      + intros v i. apply sub. unfold rest in i. apply filter_In in i. apply i.
      + intro p. eapply Nat.le_trans; [apply filter_filter | apply fewer].
      + exists (w :: code). split; [| split].
        * intros v [<- | i]; [left; reflexivity |]. specialize (inside v i). unfold rest in inside.
          apply filter_In in inside. apply inside.
        * assert (forall v, In v code -> b <= hamming w v) as from_w.
          { intros v i. specialize (inside v i). unfold rest, near in inside. apply filter_In in inside.
            destruct inside as [_ h]. apply Bool.negb_true_iff, Nat.ltb_ge in h. exact h. }
          intros [| j] [| i] hj hi n'; simpl in *; [contradiction | | | apply far; lia].
          -- apply from_w, nth_In. lia.
          -- rewrite hamming_sym. apply from_w, nth_In. lia.
        * rewrite (filter_split _ (near b w) (w :: l)). fold rest. pose proof (fewer (near b w)) as f.
          rewrite (near_count n w b (sub w (or_introl eq_refl))) in f. simpl length at 3. lia.
  Qed.

  Theorem gilbert_varshamov n : exists code, (forall w, In w code -> word (S n) m w) /\ apart code /\
    m ^ n <= length code * volume n b.
  Proof.
    destruct (greedy n (length (words n)) (words n)) as (code & inside & far & many); auto.
    exists code. split; [| split; [exact far | rewrite <- words_count; exact many]].
    intros w i. apply inside, in_words in i. destruct i as [e all]. split; [congruence |]. intros c ic.
    specialize (all c ic). lia.
  Qed.

  (* b = 1: all m^n words *)
  Lemma volume_of_one n : volume n 1 = 1.
  Proof. induction n as [| n IH]; [reflexivity |]. simpl. rewrite IH. destruct n; simpl; lia. Qed.
End Codes.
