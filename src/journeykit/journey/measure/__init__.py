"""Measures of journeys: from paths to estimates, and what they are worth."""
