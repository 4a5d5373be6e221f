"""The one-contact engine: the readable reference of every decision."""
