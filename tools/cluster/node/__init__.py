"""A small node for tests: it takes the pods that are scheduled to it and really runs their containers.

A kubelet, a container runtime, the network of pods, kube-proxy and the DNS of a cluster, as far as services without
storage of their own need them, in one process and without cgroups. What it does not know it refuses by name, in the
status of the pod where Kubernetes shows such things, rather than pass over it: a test that is green because a field was
ignored would be worse than none.

Left out: limits of resources, NetworkPolicies, profiles of seccomp, SELinux and AppArmor (accepted, not enforced); UDP and
node ports of Services; restartable init containers, postStart hooks, gRPC probes, resource fields, ephemeral containers,
volumes of other kinds (refused); logs and commands through the API server (``RealNodes.log`` has the logs).

The arrows: ``inside`` makes a ``Machine`` and one or more ``Node``; a node keeps one ``PodRun`` for each pod, which uses
the machine (images, networks, ``crun``). What objects mean is decided in pure modules: ``specification``,
``environment``, ``volume_files``, ``bundle``, ``pod_status``, ``service_table``, ``dns_names``.

It needs root, ``crun``, ``ip`` and ``unshare``, and lives in a mount and a process namespace of its own: whatever ends
it, its containers, mounts and networks end with it.
"""
