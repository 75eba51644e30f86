"""What runs came to, in words and files: summaries, reports, exports."""
