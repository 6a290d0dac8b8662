"""What every server needs: an address, TLS, checks of requests, and a limit of connections."""
