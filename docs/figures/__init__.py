"""Figures of the documentation: ``python -m docs.figures`` draws all of them, or those that are named."""
