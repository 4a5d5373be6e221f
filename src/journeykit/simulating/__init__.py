"""Simulating days to come: decisions, then responses, opt-outs and moves between stages, drawn by hash."""
