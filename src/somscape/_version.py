"""Define the version number of somscape, in a module that does not import other modules."""

__version__ = "0.2.0"
