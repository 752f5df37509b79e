"""From what administrators name to images that are somewhere else."""
