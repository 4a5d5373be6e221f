"""Comparing what playbooks decide: who gains, who loses, and what a cap, a reserve or a quota costs."""
