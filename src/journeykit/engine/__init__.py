"""The row engine: the readable reference of every decision."""
