"""What has to be closed can stand in an ``async with``, which closes it."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closing(ABC):
    """An async context manager whose end is :meth:`close`."""

    @abstractmethod
    async def close(self) -> None:
        """Give back what is held. It is not used afterwards."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
