"""The layer types of a network, a file each; ``registry`` lists them."""
