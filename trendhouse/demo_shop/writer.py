"""Streaming output: each table is one file that grows chunk by chunk, so memory does not grow with the shop."""

from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FileFormat = Literal["parquet", "csv"]


class TableWriter:
    """One output file; the first chunk fixes the schema, later chunks are appended."""

    def __init__(self, path: Path, file_format: FileFormat) -> None:
        """Remember where to write; the file is opened with the first chunk."""
        self.path = path
        self.rows = 0
        self._format = file_format
        self._writer: Any = None

    def append(self, table: Any) -> None:
        """Write one more chunk; a chunk without rows only fixes the schema."""
        if self._writer is None:
            self._open(table.schema)
        if table.num_rows == 0:
            return
        if self._format == "csv":
            self._writer.write(csv_lines(table))
        else:
            self._writer.write_table(table)
        self.rows += table.num_rows

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()

    def _open(self, schema: Any) -> None:
        if self._format == "parquet":
            self._writer = pq.ParquetWriter(self.path, schema, compression="zstd")
            return
        self._writer = self.path.open("wb")
        self._writer.write((",".join(schema.names) + "\n").encode())


def csv_lines(table: Any) -> bytes:
    """Return a table's rows as CSV: quotes only where needed, nothing between the commas for null."""
    cells = [_csv_cells(pc.cast(column.combine_chunks(), pa.string())) for column in table.columns]
    lines = pc.binary_join_element_wise(*cells, ",")
    lines = pc.binary_join_element_wise(lines, "", "\n")
    # The lines lie one after the other in the array's data buffer.
    return bytes(lines.buffers()[2][: pc.sum(pc.binary_length(lines)).as_py()])


def _csv_cells(values: Any) -> Any:
    special = pc.match_substring_regex(values, '[,"\r\n]|^$')
    if pc.any(special).as_py():
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(values, '"', '""'), '"', "")
        values = pc.if_else(special, quoted, values)
    return pc.fill_null(values, "")


class OutputFolder:
    """The files of one run: `<prefix><table>.<format>` for raw tables, `<table>.<format>` for truth tables."""

    def __init__(self, folder: Path, file_format: FileFormat, table_prefix: str = "") -> None:
        """Create the folder when it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._format: FileFormat = file_format
        self._prefix = table_prefix
        self._writers: dict[str, TableWriter] = {}

    def append(self, table_name: str, table: Any) -> None:
        """Append a chunk to a table's file."""
        self._writer(table_name).append(table)

    def rows(self, table_name: str) -> int:
        """Return the rows written so far."""
        return self._writer(table_name).rows

    def close(self) -> dict[str, int]:
        """Finish all files and return the rows of each table."""
        for writer in self._writers.values():
            writer.close()
        return {name: writer.rows for name, writer in self._writers.items()}

    def _writer(self, table_name: str) -> TableWriter:
        if table_name not in self._writers:
            prefix = "" if table_name.startswith("truth_") else self._prefix
            path = self._folder / f"{prefix}{table_name}.{self._format}"
            self._writers[table_name] = TableWriter(path, self._format)
        return self._writers[table_name]
