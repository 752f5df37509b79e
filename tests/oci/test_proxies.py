"""Proxies of the environment are not looked at: nothing is contacted but what was named."""

import pytest

from upgraph.oci import Credentials, RegistryClient, ssl_context
from upgraph.testing.registry import SimulatedRegistry


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_not_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens there, so a request that went to it would fail.
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    trust, nobody = ssl_context(), Credentials.load(None)
    async with SimulatedRegistry() as registry:
        async with RegistryClient(registry.repository, credentials=nobody, ssl_context=trust) as client:
            assert await client.tags() == []
        assert registry.counts["tags"] == 1
