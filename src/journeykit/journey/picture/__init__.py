"""Pictures of journeys."""
