"""A saved map as a service: rows in, scores with reasons out, over HTTP."""
