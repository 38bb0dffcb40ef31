"""Rows as CSV or Parquet; columns and their types stay."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from types import NoneType
from typing import Any, get_args, get_type_hints

from ccfb.errors import CcfbError
from ccfb.report.cells import cell


def as_csv(kind: type[Any], rows: Sequence[Any]) -> bytes:
    """A line for each row, below their names. What isn't known is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kind._fields)
    writer.writerows(map(_cell, row) for row in rows)
    return text.getvalue().encode()


def as_parquet(kind: type[Any], rows: Sequence[Any]) -> bytes:
    """The same as a table of Parquet.

    Raises:
        CcfbError: `pyarrow-not-installed`.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - large, and an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise CcfbError(
            "pyarrow-not-installed",
            "Parquet needs pyarrow.",
            "Install it: pip install 'ccfb[export]'; or take --csv.",
        ) from None
    types = {
        bool: pa.bool_(),
        date: pa.date32(),
        datetime: pa.timestamp("us", "UTC"),
        float: pa.float64(),
        int: pa.int64(),
        str: pa.string(),
    }
    columns = get_type_hints(kind)
    schema = pa.schema([(name, types[_plain(hint)]) for name, hint in columns.items()])
    table = pa.Table.from_pylist([row._asdict() for row in rows], schema=schema)
    content = io.BytesIO()
    parquet.write_table(table, content, compression="zstd")
    return content.getvalue()


def _plain(hint: Any) -> Any:
    """The type of what isn't None."""
    return next((each for each in get_args(hint) if each is not NoneType), hint)


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str):
        return cell(value)
    return str(value).lower() if isinstance(value, bool) else value
