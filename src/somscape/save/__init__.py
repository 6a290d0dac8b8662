"""Records to a file and back: one safetensors file with a JSON header, never pickle."""

from somscape.save._record import FORMAT, Record, read_record, write_record

__all__ = ["FORMAT", "Record", "read_record", "write_record"]
