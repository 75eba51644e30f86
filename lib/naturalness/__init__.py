"""How like pictures of the world OIPs are, and what one can tell by them."""
