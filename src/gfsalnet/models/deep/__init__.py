"""The compared deep models: published networks re-implemented, one a file, with what they share beside them."""
