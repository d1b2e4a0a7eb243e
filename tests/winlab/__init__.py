"""Windows hosts that are not there: a WS-Man server that real pywinrm talks to, and what stands behind it."""
