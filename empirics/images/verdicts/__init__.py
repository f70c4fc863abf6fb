"""What stored numbers say of the paper's claims; nothing here trains or measures."""
