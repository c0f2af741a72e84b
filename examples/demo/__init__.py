"""The demo: Davit from an empty machine to a promoted second version, step by step."""
