"""The ways in which a picture is dreamed."""
