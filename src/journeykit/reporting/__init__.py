"""Showing what was decided: overlap, room, pressure, the messaging matrix, pictures and the report."""
