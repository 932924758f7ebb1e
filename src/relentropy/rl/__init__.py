"""Relative entropy as a regularizer: what a trainer of policies imports.

Plain functions on arrays of PyTorch, JAX and NumPy (values only there); no trainer inside.
"""
