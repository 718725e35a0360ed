"""Models without weights: nothing was learned for them but the constants in their files."""
