"""Maps and what has one, from files, without running their code; other formats; ONNX."""

from somscape.records import FORMAT, Record, read_record, write_record
from somscape.save._best_matches import BestMatches, Classes, best_matches, classes_of
from somscape.save._esom import read_somoclu, read_umx, read_wts, write_umx, write_wts
from somscape.save._esom_rows import (
    read_bm,
    read_cls,
    read_lrn,
    write_bm,
    write_cls,
    write_lrn,
)
from somscape.save._load import Saved, load
from somscape.save._minisom import read_minisom
from somscape.save._onnx import to_onnx
from somscape.save._read import read_map
from somscape.save._record_of import record_of
from somscape.save._samples import Samples
from somscape.save._som_pak import read_cod, read_dat, write_cod, write_dat
from somscape.save._tables import (
    read_codebook,
    winners_columns,
    write_codebook,
    write_planes,
    write_winners,
)

__all__ = [
    "FORMAT",
    "BestMatches",
    "Classes",
    "Record",
    "Samples",
    "Saved",
    "best_matches",
    "classes_of",
    "load",
    "read_bm",
    "read_cls",
    "read_cod",
    "read_codebook",
    "read_dat",
    "read_lrn",
    "read_map",
    "read_minisom",
    "read_record",
    "read_somoclu",
    "read_umx",
    "read_wts",
    "record_of",
    "to_onnx",
    "winners_columns",
    "write_bm",
    "write_cls",
    "write_cod",
    "write_codebook",
    "write_dat",
    "write_lrn",
    "write_planes",
    "write_record",
    "write_umx",
    "write_winners",
    "write_wts",
]
