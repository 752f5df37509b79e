"""From objects as they are wanted to a cluster that has them."""
