"""What breaks the printed form of a statement."""
