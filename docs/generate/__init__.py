"""Writes the reference pages of `docs/` from the code (`make reference`).

A test says when that was forgotten.
"""
