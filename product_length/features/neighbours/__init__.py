"""The nearest training products, and their lengths."""
