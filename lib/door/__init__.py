"""The guarded door: every file that a user names is looked at here before anything reads it."""
