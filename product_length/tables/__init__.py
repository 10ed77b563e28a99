"""A table in a file: its header, and batches of its columns."""
