"""Models and data sets: trained, registered, found."""
