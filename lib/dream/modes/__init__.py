"""Dream modes, one a file: each declares a `MODE` (`lib.dream.mode`)."""
