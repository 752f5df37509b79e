"""The Markdown pages of this repository, taken apart so that tests can try what they say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file; ``name`` is its path in the repository."""

    name: str
    text: str

    def blocks(self, kind: str) -> list[str]:
        """The code blocks of one language."""
        return [body for language, body in _BLOCK.findall(self.text) if language == kind]

    @property
    def prose(self) -> str:
        """The text without code."""
        return _CODE.sub("", self.text)

    def commands(self) -> Iterator[str]:
        """What is typed at a prompt, each command on one line."""
        for block in self.blocks("text"):
            joined = block.replace("\\\n", " ")
            yield from (line[2:].strip() for line in joined.splitlines() if line.startswith("$ "))


def read_pages(root: Path = ROOT) -> dict[str, Page]:
    """Every page by its name: those at the top and those of ``docs``, without what Sphinx made."""
    paths = [
        *root.glob("*.md"),
        *(path for path in (root / "docs").rglob("*.md") if "_build" not in path.parts),
    ]
    names = {path.relative_to(root).as_posix(): path for path in sorted(paths)}
    return {name: Page(name, path.read_text()) for name, path in names.items()}
