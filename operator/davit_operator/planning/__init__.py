"""Decisions: pure functions from what was observed to what to do and what to report, with reasons."""
