"""Recipes side by side: which is best, by how much, and whether it is chance."""
