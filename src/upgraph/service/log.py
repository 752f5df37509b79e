"""The log: text for people or JSON for collectors, one event a line, on standard error."""

import logging
import sys
import time

import msgspec

from upgraph.errors import encodable


class _TextLines(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging names it so
        # Names that come from outside must not begin a line of their own.
        record.message = "".join(c if c.isprintable() else repr(c)[1:-1] for c in record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        reference = getattr(record, "reference", None)
        line = super().format(record)
        return f"{line} [{reference}]" if reference else line


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": encodable(record.getMessage()),
        }
        reference = getattr(record, "reference", None)
        if reference:
            line["reference"] = reference
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def start_logging(form: str, level: str) -> None:
    """Send the log to standard error.

    Args:
        form: ``text`` or ``json``.
        level: the least grave level that is shown: ``debug``, ``info``, ``warning`` or ``error``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if form == "json" else _TextLines())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # It tells below this level what concerns only itself.
    logging.getLogger("asyncio").setLevel(logging.WARNING)
