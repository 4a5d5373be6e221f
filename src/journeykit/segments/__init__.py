"""Counting contacts by segment: one by one, or over columns, with the same report."""
