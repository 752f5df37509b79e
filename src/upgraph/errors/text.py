"""Text that can be stored and sent: names on a disk are bytes, and some are no UTF-8."""


def encodable(text: str) -> str:
    """``text`` with what cannot be encoded as UTF-8, such as the bytes of a name that is none, written out."""
    return text.encode(errors="backslashreplace").decode()
