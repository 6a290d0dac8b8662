"""The local web app, in which users rank the rows of a table and decide on the listed rows."""
