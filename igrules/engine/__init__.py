"""Deciding: event, ruleset, facts and the time go in, a decision comes out. Pure."""
