"""What a prediction costs, and the constant that costs least."""
