"""Data sets: a file each, found by name in ``registry``.

``info`` describes a data set; ``batches`` and ``idx`` decode published files.
"""
