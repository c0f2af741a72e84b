"""From a decoded request to a prediction: admission, batching, deadlines, and how a model is best called."""
