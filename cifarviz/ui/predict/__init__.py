"""What a run says of images."""
