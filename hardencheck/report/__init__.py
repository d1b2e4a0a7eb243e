"""A sweep becomes bytes; one module per format."""
