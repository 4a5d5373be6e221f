"""What every layer uses: validation, time, ids and text."""
