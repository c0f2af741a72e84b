"""The objects of a track as they should be. Pure: one object a file, values in, a JSON tree out."""
