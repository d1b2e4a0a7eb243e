"""Ways to reach a host and run one script there: each module knows one outside thing."""
