"""Tables as batches of Arrow arrays."""
