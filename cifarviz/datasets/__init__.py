"""Data sets: one file each, found by name in ``registry``.

``info`` says what a data set is; ``batches`` and ``idx`` decode published files.
"""
