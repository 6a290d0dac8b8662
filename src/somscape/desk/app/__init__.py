"""The local web app: upload a table, read its report, and decide on the listed rows."""
