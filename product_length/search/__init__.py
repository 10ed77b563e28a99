"""The nearest of many vectors; knows no feature."""
