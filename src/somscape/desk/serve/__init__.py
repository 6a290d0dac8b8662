"""Serve a saved map over HTTP. Clients send rows and receive scores with reasons."""
