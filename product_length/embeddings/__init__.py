"""From texts to one array per encoder, computed once and kept on disk."""
