"""What every pipeline on a task shares, whatever its model."""
