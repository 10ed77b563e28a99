"""What Python programs and notebooks use: `load`, `train` and a scikit-learn regressor."""
