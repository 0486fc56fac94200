"""First floor: rows become examples, features, TFRecords and batches."""
