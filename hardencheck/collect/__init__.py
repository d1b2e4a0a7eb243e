"""Hosts and probes become captures, in one round trip per host."""
