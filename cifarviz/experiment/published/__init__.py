"""The published experiments, a file each: layers, training, story and published results."""
