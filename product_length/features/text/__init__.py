"""The vectors of a text encoder."""
