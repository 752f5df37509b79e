"""The command line: parse, call one room, print. Decisions live in the rooms; only words and layout live here."""

__all__: list[str] = []
