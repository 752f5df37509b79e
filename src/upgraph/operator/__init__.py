"""The operator: an UpdateService resource, and what it becomes in a cluster.

:mod:`upgraph.operator.resource` is what users write, :mod:`upgraph.operator.names` how what it becomes is called.
"""
