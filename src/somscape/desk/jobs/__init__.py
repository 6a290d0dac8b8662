"""Turn options into a ranked list, for the command line, for watches and for the app."""
