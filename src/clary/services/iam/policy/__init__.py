"""Policies: their grammar, and what they decide. Knows no request, no table and no service."""
