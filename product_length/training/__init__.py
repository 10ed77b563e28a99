"""Fitting a model with Lightning: batches, the module, checkpoints."""
