"""The local web app for ranking tables and deciding on the listed rows."""
