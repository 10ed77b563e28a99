"""What the text states: numbers for the network, and lengths to point at."""
