"""How good predictions are, how sure we are of it, and what cheap baselines reach."""
