"""What every layer makes of one image."""
