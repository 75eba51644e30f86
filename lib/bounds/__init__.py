"""What a unit can reach at most: interval arithmetic, and proofs that it is dead."""
