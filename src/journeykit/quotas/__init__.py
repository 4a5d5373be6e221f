"""Quotas shared by many contacts: collect the problems, find prices, choose, improve."""
