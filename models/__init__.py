"""Networks. They do not depend on training, tricks or data."""
