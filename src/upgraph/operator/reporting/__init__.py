"""What is said of an UpdateService in its status. Pure."""
