"""What installs the operator: its own objects and its rights."""
