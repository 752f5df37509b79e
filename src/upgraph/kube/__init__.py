"""Clusters: how one is reached, and the objects that are read and changed there.

In come a kubeconfig or the service account of a pod, out go values of our own; lightkube, httpx2 and their errors stay
inside. The process that serves graphs never loads this room.

::

    api, objects, kinds       the port: plain objects, what can be asked for, how it is refused
    client                    the same over HTTP; below it exchange, decoding, paths, connection, renewal, failures
    informer, store           know all objects of a kind, by watching
    queue, schedule, backoff  work on keys, one at a time each
    election, candidacy       one of several processes works
    conditions, events, ownership
    cluster                   Secrets, for commands that are not asynchronous
"""

from upgraph.kube.cluster import Cluster, Secret
from upgraph.kube.configuration import ApiProxy, ClusterAddress, find_cluster

__all__ = ["ApiProxy", "Cluster", "ClusterAddress", "Secret", "find_cluster"]
