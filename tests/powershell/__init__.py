"""A lint of our own for the PowerShell that a Windows host is given: no PowerShell runs where these tests run."""
