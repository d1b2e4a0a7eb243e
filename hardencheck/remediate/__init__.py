"""Puts right what a sweep found: plans, and what playbooks say of themselves."""
