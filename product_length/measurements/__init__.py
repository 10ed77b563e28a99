"""Measurements that product texts state: a text in, 1/100 inch out."""
