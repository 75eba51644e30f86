"""The gallery: pages made from the records of a store. No Prefect and no TensorFlow."""
