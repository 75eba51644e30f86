"""One sweep over many machines: work pools, what is deployed to them, workers, and how they are doing."""
