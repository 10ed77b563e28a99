"""Predictions over HTTP: a queue that batches requests, what they may hold, the server."""
