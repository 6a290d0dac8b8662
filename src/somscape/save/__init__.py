"""Load saved maps and models. Read and write files of other programs. Write ONNX models."""

from somscape.maps.record import Record, read_record, write_record
from somscape.save._load import load
from somscape.save._minisom import read_minisom
from somscape.save._onnx import to_onnx
from somscape.save._tables import (
    read_codebook,
    winners_columns,
    write_codebook,
    write_planes,
    write_winners,
)
from somscape.save.esom import (
    BestMatches,
    Classes,
    best_matches,
    classes_of,
    read_bm,
    read_cls,
    read_cod,
    read_dat,
    read_lrn,
    read_somoclu,
    read_umx,
    read_wts,
    write_bm,
    write_cls,
    write_cod,
    write_dat,
    write_lrn,
    write_umx,
    write_wts,
)
from somscape.save.lines import Samples

__all__ = [
    "BestMatches", "Classes", "Record", "Samples", "best_matches", "classes_of", "load", "read_bm",
    "read_cls", "read_cod", "read_codebook", "read_dat", "read_lrn", "read_minisom", "read_record",
    "read_somoclu", "read_umx", "read_wts", "to_onnx", "winners_columns", "write_bm", "write_cls",
    "write_cod", "write_codebook", "write_dat", "write_lrn", "write_planes", "write_record",
    "write_umx", "write_winners", "write_wts",
]  # fmt: skip
