"""Load saved maps and models. Read maps of other programs. Write ONNX models."""

from somscape.maps.record import Record, read_record, write_record
from somscape.save._load import load
from somscape.save._minisom import read_minisom
from somscape.save._onnx import to_onnx
from somscape.save.codebooks import read_cod, read_lrn, read_wts

__all__ = [
    "Record", "load", "read_cod", "read_lrn", "read_minisom", "read_record", "read_wts", "to_onnx",
    "write_record",
]  # fmt: skip
