"""Predict a physical length from catalogue text, and prove which recipe is best."""

__version__ = "0.1.0"
