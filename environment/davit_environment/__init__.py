"""What a model says about its environment, what a runtime image contains, and how the two differ."""
