"""From embeddings and features to a length: trunks, the head, the target transform."""
