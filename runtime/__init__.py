"""Ground floor: where and on what a run runs. Knows no text and no model."""
