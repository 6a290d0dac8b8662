"""The database of a state: all SQL statements, and their connections and transactions."""
