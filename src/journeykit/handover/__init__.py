"""Handovers: what sales should know when a contact comes to them."""
