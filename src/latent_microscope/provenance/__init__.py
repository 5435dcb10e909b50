"""Where an artefact came from: code hashes, sidecars, chains of jobs, RO-Crates."""
