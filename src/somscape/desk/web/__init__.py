"""Common parts of servers, such as addresses, TLS, and checks of requests."""
