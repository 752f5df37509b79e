"""How commands get a password: from a person at the terminal, or through a pipe; never from a variable."""

import sys

import click

from upgraph.errors import UserError
from upgraph.errors.problems.credentials import LOGIN_INPUT

MAX_PASSWORD_BYTES = 64 * 1024
"""Longest password; tokens of clouds have a few thousand bytes."""


def ask_username(whose: str, *, can_ask: bool) -> str:
    """The user name for a registry, from the terminal.

    Raises:
        UserError: there is nobody to ask.
    """
    if not can_ask:
        raise UserError(LOGIN_INPUT, f"{whose}: no user name was given, and there is no terminal to ask at")
    name: str = click.prompt(f"User name for {whose}", err=True)
    return name


def ask_password(whose: str, *, from_input: bool) -> str:
    """A password.

    Args:
        whose: user and registry, for the question.
        from_input: whether it comes through standard input; otherwise it is asked for without being shown.

    Raises:
        UserError: it is too long, no text, or there is nobody to ask.
    """
    if from_input:
        return _read(whose)
    if not sys.stdin.isatty():
        raise UserError(LOGIN_INPUT, f"{whose}: no password was given, and there is no terminal to ask at")
    password: str = click.prompt(f"Password of {whose}", hide_input=True, err=True)
    return password


def _read(whose: str) -> str:
    content = sys.stdin.buffer.read(MAX_PASSWORD_BYTES + 1)
    if len(content) > MAX_PASSWORD_BYTES:
        raise UserError(LOGIN_INPUT, f"{whose}: the password has more than {MAX_PASSWORD_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise UserError(LOGIN_INPUT, f"{whose}: the password is not text in UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")
