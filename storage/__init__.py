"""Artifacts and their lineage, pure: bytes in, digests out. No Prefect, no TensorFlow."""
