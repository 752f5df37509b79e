"""What decides an UpdateService: everything that is known of the cluster, gathered into one value. Pure."""
