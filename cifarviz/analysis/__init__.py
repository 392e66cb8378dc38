"""What a trained network does: its feature maps, predictions, scores, confusion and history."""
