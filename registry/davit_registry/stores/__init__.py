"""The stores that models are in: how each lists its files and signs requests for them."""
