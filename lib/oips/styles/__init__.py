"""Styles of OIPs, one a file: each declares a `STYLE` (`lib.oips.style`)."""
