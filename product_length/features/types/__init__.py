"""The product type, as a learned vector and as the lengths of its training rows."""
