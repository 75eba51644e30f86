"""What `make bench` runs: speed as ratios against peers in one run, quality against a longer search."""
