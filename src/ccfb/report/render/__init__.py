"""A view in different forms."""
