"""Objectives of an ascent, one a file: each declares an `OBJECTIVE` (`lib.oips.objective`)."""
