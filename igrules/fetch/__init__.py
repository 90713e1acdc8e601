"""Calls whose target a tenant chooses, made so that they cannot reach inside."""
