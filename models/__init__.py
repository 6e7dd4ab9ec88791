"""Networks. They know nothing of training, of tricks or of data."""
