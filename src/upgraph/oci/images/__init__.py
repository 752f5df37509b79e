"""What images are: names, digests, manifests, and the ports through which they are read and written."""
