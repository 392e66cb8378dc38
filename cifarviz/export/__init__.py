"""What is taken away from a run: its code, its network as Keras files, its report."""
