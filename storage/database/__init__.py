"""The file of the index: its tables, its seals, and how it is opened."""
