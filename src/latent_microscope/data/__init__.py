"""Data sets: the manifest, downloads, safe archives and the loaders of faces, objects and votes."""
