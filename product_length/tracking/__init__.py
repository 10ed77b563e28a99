"""Where a run is followed while it happens: Weights & Biases, or nowhere."""
