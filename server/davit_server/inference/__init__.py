"""From a decoded request to a prediction: admission, batching, deadlines, and the choice of a plan."""
