"""Rank the rows of a table as options request. The command line, watches and the app use this."""
