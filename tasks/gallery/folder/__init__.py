"""From pages to files in a folder, of which only what changed is written."""
