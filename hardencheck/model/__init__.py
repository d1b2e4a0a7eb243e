"""The nouns of hardencheck as frozen dataclasses and enums: no I/O, no clock."""
