"""Serve a saved map over HTTP: clients send rows and receive scores with reasons."""
