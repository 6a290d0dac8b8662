"""The report as a local web app: a table in, decisions out."""
