"""Spark: the same decisions where contacts are kept in a warehouse or a lake, more than one machine holds."""
