"""The command line. A command imports the library only when it runs."""
