"""What can be asked of a Windows host: PowerShell 5.1 scripts that only read, and their parsers."""
