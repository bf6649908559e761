"""The theory of learned summaries: which of them carry more than a Gaussian could."""
