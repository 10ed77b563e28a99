"""What the words of a command line mean, and what was meant by those that mean nothing."""
