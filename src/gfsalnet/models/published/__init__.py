"""Published networks re-implemented, one a file, with what they share beside them. None of their weights lie here."""
