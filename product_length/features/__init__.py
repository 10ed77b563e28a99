"""From embeddings and training labels to the numbers beside the text: neighbours and types."""
