"""Probes for Linux: POSIX sh that only reads, and parsers that reproduce the real readers' semantics."""
