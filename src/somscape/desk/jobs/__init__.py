"""Turn options into a ranked list, for the command line, watches and the app."""
