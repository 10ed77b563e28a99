"""Columns of numbers: each as places between its training rows' quantiles."""
