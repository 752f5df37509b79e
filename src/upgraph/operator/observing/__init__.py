"""What really runs, asked again and again: registries, pods, the status port, the address that clusters are told."""
