"""Files of every kind that a step reads and writes: arrays, tables, JSON, YAML, text."""
