"""Serve a saved map over HTTP. Clients send rows, and receive their scores with reasons."""
