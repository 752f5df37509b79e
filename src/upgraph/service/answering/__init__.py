"""The HTTP edge: requests in, prepared bytes out; what knows a header, a route, a metric or a connection lives here."""

__all__: list[str] = []
