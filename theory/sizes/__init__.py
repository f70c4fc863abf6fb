"""How large networks have to be, and how large published ones are."""
