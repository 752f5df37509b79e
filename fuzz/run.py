"""Fuzz one target in this process until libFuzzer's limits end it; the command line is libFuzzer's.

Our modules are imported here and not above: their branches are counted only if they are loaded under
instrumentation. libFuzzer ends the process itself, with a status of its own if a parser failed.
"""

import sys

import atheris


def main() -> None:
    """Fuzz the target that is named first."""
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["upgraph"]):
        from fuzz.targets import TARGETS, survives  # noqa: PLC0415 - see above
    target = TARGETS[name]

    def one_input(content: bytes) -> None:
        survives(target, content)

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
