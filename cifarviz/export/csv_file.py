"""A table as a CSV file that a spreadsheet opens as it is."""

import csv
import io

import pandas as pd

from cifarviz.escaping import csv_cell


def csv_file(table: pd.DataFrame) -> bytes:
    """``table`` with its index as the first column: UTF-8 with a byte-order mark, lines by CRLF.

    Excel takes a file without the mark for one in the system's own encoding, and shows letters
    such as Korean ones garbled. Text that it would take for a formula gets an apostrophe before
    it, names of columns and rows included; numbers stay as they are.
    """
    plain = io.StringIO(table.to_csv(lineterminator="\r\n"), newline="")
    safe = io.StringIO(newline="")
    # All digits are pandas'; a cell that is no number is text.
    csv.writer(safe).writerows(map(csv_cell, row) for row in csv.reader(plain))
    return safe.getvalue().encode("utf-8-sig")
