"""Measures what xl0 is worth: the paths between guests against each other, in one boot of the lab."""
