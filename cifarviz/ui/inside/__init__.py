"""The Inside page: feature maps of every layer for an image."""
