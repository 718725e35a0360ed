"""Published networks re-implemented, one in each file, with what they share beside them.

None of their weights are in the package.
"""
