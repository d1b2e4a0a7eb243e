"""Captures become digests and a manifest."""
