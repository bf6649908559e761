"""What did the network learn? The space of its summaries, and which pixels move its ratios."""
