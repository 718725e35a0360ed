"""Weights as their authors published them: fetched, read without running anything in them, and converted to ours."""
