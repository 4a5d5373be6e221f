"""Contacts, touches, scores, claims and decisions as tables: files in CSV, JSON lines or Parquet, and mappings.

Column names are read whatever their case. Contacts are streamed; touches, scores and claims are held by contact,
packed, until that contact is decided: they are all that grows with the data, besides the set of contact ids that
were met, which tells a second row of one contact from the first.

A row that cannot be used goes to the `BadRows` and stops no other. A table that cannot be used is a `DataError`.
"""

from journeykit.model.bad_row import BadRow
from journeykit.tables.bad_row_list import BadRows
from journeykit.tables.claim_table import ClaimTable
from journeykit.tables.column_names import Spellings
from journeykit.tables.contact_table import ContactTable
from journeykit.tables.decision_columns import DECISIONS, decision_cells
from journeykit.tables.files import whole_file, whole_files
from journeykit.tables.formats import ENDINGS, FORMATS, TableSource, format_of
from journeykit.tables.read_rows import open_table
from journeykit.tables.score_table import ScoreTable
from journeykit.tables.touch_table import TouchTable
from journeykit.tables.write_rows import instant_text, table_writer

__all__ = [
    "DECISIONS",
    "ENDINGS",
    "FORMATS",
    "BadRow",
    "BadRows",
    "ClaimTable",
    "ContactTable",
    "ScoreTable",
    "Spellings",
    "TableSource",
    "TouchTable",
    "decision_cells",
    "format_of",
    "instant_text",
    "open_table",
    "table_writer",
    "whole_file",
    "whole_files",
]
