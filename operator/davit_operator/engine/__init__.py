"""What reconciles any kind: queue, workers, rounds, signs of life, plans. It knows no kind by name."""
