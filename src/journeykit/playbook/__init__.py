"""The playbook: its sections, its checks, and its files."""
