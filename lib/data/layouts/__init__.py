"""The layouts of folders that are known: each file is one (`lib/data/layout.py`)."""
