"""YAML and tailoring become a Baseline."""
