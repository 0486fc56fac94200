"""What every classifier shares, whatever its model: splits, outputs, reports."""
