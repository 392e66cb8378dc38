"""What is promised when things go wrong, each bar a script; ``soak.py`` runs all of them."""
