"""A report on one run or several, as an HTML file that needs no network."""
