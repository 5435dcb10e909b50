"""Neighbours and pairs of many samples: tiles, screening, exact decisions."""
