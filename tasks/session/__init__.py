"""What all tasks share: the open run, how records come about, progress."""
