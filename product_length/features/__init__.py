"""What is known of a product: the interface of a feature, and a folder for each."""
