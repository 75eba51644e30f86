"""What garbage collection goes by: what is needed, who is at work, and what the time is."""
