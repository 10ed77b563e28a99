"""Columns of categories: a learned vector for each value of each column."""
