"""Updates for fleets of OpenShift, OKD and Kubernetes clusters where there is no internet."""

__version__ = "0.1.0"
