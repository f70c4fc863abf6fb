"""What memorizing networks are made of: distances, soft indicators, the lock."""
