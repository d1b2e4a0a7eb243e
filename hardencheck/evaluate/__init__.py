"""Captures become observations, observations become results; pure."""
