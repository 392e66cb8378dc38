"""The published experiments, a file each: layers, training, story, and what the authors got."""
