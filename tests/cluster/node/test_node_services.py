"""Services and names, as pods use them."""

from tests.cluster.node.conftest import Bench, Pod


def service(bench: Bench, name: str, address: str, *pods: Pod) -> None:
    """A Service with these pods behind it."""
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    bench.put("Service", name, spec={"clusterIP": address, "ports": ports})
    endpoints = [
        {
            "addresses": [pod.status["podIP"]],
            "conditions": {"ready": True},
            "hostname": pod.object["metadata"]["name"],
        }
        for pod in pods
    ]
    labels = {"labels": {"kubernetes.io/service-name": name}}
    slice_ports = [{"name": "http", "port": 8080, "protocol": "TCP"}]
    bench.put("EndpointSlice", f"{name}-1", metadata=labels, endpoints=endpoints, ports=slice_ports)


def test_a_service_spreads_over_its_pods(bench: Bench) -> None:
    first, second = bench.pod(name="first").ready(), bench.pod(name="second").ready()
    service(bench, "web", "10.96.0.17", first, second)
    first.until(lambda pod: pod.ask("/env", "10.96.0.17").status == 200)
    seen = {first.ask("/env", "10.96.0.17").json["HOSTNAME"] for _ in range(2)}
    assert seen == {"first", "second"}


def test_a_pod_reaches_a_service_by_each_of_its_names(bench: Bench) -> None:
    pod = bench.pod().ready()
    service(bench, "web", "10.96.0.18", pod)
    pod.until(lambda pod: pod.ask("/health", "10.96.0.18").status == 200)
    for name in ("web", f"web.{bench.namespace}.svc", f"web.{bench.namespace}.svc.cluster.local"):
        assert pod.ask(f"/host/{name}").json == ["pod", ["10.96.0.18"]]
    assert "gaierror" in pod.ask("/host/nobody").body
    assert '"HOSTNAME": "pod"' in pod.ask("/fetch/web/80/env").json


def test_a_headless_service_is_the_addresses_of_its_pods(bench: Bench) -> None:
    first, second = bench.pod(name="first").ready(), bench.pod(name="second").ready()
    service(bench, "peers", "None", first, second)
    both = sorted([first.status["podIP"], second.status["podIP"]])
    first.until(lambda pod: pod.ask("/host/peers").body.startswith("["))
    assert first.ask("/host/peers").json[1] == both
    assert first.ask("/host/second.peers").json[1] == [second.status["podIP"]]


def test_a_service_with_nobody_behind_it_refuses(bench: Bench) -> None:
    pod = bench.pod().ready()
    service(bench, "web", "10.96.0.19", pod)
    pod.until(lambda pod: pod.ask("/health", "10.96.0.19").status == 200)
    service(bench, "web", "10.96.0.19")
    pod.until(lambda pod: "ConnectionRefused" in pod.ask("/fetch/10.96.0.19/80/health").body)


def test_names_that_the_administrator_adds_are_known_to_pods(bench: Bench) -> None:
    assert bench.pod().ready().ask("/host/registry.example").json[1] == ["10.89.0.1"]
