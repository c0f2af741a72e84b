"""Observe, decide, act, report: the one function that every cause ends in, and what feeds it."""
