"""Hostile inputs, each made by a few lines, and what is answered to it."""
