"""A run, or several beside each other, as one HTML file that opens anywhere without a network."""
