"""The gallery's pages: values in, HTML, SVG and addresses out. No store, and no file but its own templates."""
