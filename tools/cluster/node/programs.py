"""Programs of the machine, run to their end within a time."""

import asyncio

PROGRAM_SECONDS = 60.0
"""Longest time for one program."""


class ProgramError(Exception):
    """A program failed; the text has its last words."""


async def run(*command: str, text: str = "") -> str:
    """Run a program to its end; gives what it printed.

    Args:
        command: the program and its arguments.
        text: its input.

    Raises:
        ProgramError: it failed, or took too long.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(PROGRAM_SECONDS):
            output, words = await process.communicate(text.encode())
    except TimeoutError as error:
        raise ProgramError(f"{command[0]} took longer than {PROGRAM_SECONDS:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise ProgramError(f"{' '.join(command)}: {words.decode(errors='replace').strip()}")
    return output.decode(errors="replace")
