"""Clusters: how one is reached, and the objects that are read and changed there.

In come a kubeconfig or the service account of a pod, out go values of our own; lightkube, its models and its errors stay
inside. Only what a command needs today is here. The process that serves graphs never loads this room.
"""

from upgraph.kube.cluster import Cluster, Secret
from upgraph.kube.configuration import ApiProxy, ClusterAddress, find_cluster

__all__ = ["ApiProxy", "Cluster", "ClusterAddress", "Secret", "find_cluster"]
