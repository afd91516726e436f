"""Readers: from input files to base rows, and to quarantine what cannot be read."""

from aigc_data.sources.inputs import InputFile, list_inputs
from aigc_data.sources.reading import Chunk, Lost, read_file

__all__ = ["Chunk", "InputFile", "Lost", "list_inputs", "read_file"]
