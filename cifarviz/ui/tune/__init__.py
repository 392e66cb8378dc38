"""The Tune page, one file for each of its parts."""
