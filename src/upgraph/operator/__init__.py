"""The operator: an UpdateService resource, and what it becomes in a cluster.

An UpdateService enters from the top and leaves as its status: :mod:`upgraph.operator.resource` is what users write,
:mod:`upgraph.operator.inputs` what decides, :mod:`upgraph.operator.desired` the objects that follow,
:mod:`upgraph.operator.applying` brings the cluster there, :mod:`upgraph.operator.observing` looks at what really
runs, :mod:`upgraph.operator.reporting` says so. :mod:`upgraph.operator.controller` leads through them.
"""
