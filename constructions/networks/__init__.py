"""ReLU networks, how they are put together, and how they are stored."""
