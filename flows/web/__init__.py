"""What the project's own web server answers: pages of runs, pictures, the gallery."""
