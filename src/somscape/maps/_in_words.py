"""A map whose columns and levels are called as a dictionary says."""

from dataclasses import replace

from somscape.encode import in_words
from somscape.maps._map import Map


def map_in_words(map_: Map) -> Map:
    """Return a map with words for columns and codes, itself without a dictionary."""
    if not map_.encoding.roles.dictionary:
        return map_
    return replace(map_, encoding=in_words(map_.encoding), told=map_.joins)
