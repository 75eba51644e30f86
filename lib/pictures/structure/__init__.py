"""How the files of pictures are built, one format a file: looked at before a decoder sees them, and never decoded."""
