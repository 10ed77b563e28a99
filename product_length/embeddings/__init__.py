"""From texts to one float16 array per encoder, computed once and kept on disk."""
