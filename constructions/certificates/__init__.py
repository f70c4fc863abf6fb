"""Proofs about networks, read from their weights; the attack that looks for what they leave open."""
