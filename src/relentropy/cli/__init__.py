"""The program `relentropy`; one file a command."""
