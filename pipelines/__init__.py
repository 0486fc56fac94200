"""Second floor: what runs a task, whatever its model."""
