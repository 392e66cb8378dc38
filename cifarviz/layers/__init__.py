"""The layers a network can be made of, one file a type; ``registry`` lists them."""
