"""hardencheck checks machines against a security baseline and proves the result.

Data runs one way: inventory -> collect -> evidence -> evaluate -> storage -> report. `pipeline` is the only package
that knows this order; the stages never import each other.
"""

__version__ = "0.1.0"
