"""Placing all contacts of a table on their journey: one by one, or over columns, with the same paths."""
