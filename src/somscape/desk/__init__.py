"""The application: commands, watches and cases, app and service. The library never imports it."""
