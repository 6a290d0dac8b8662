"""The command line. Commands import the library when they run."""
