"""Data sets: digits, MNIST, folders of pictures."""
