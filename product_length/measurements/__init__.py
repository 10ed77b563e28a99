"""Measurements that product texts state: a text in, millimetres out."""
