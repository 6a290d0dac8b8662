"""Common parts of the app and of the service, such as addresses, TLS, and checks of requests."""
