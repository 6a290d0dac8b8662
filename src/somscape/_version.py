"""The version of somscape, in a module without imports."""

__version__ = "0.2.0"
