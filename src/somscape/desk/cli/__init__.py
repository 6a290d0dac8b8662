"""The command line. Each command imports the library only when the command runs."""
