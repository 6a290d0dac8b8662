"""Common parts of servers: addresses, TLS, checks of requests, and a limit on connections."""
