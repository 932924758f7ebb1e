"""Exact formulas for D(P||Q); a rule lives in the file of its first argument."""
