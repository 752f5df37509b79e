"""HTTP to anywhere outside: connections through proxies, their failures, and the patience with them."""
