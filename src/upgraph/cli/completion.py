"""``upgraph completion``: completion of commands and options in a shell."""

import click
from click.shell_completion import get_completion_class


@click.command(
    epilog="""
\b
Examples:
  source <(upgraph completion bash)
  upgraph completion zsh > "${fpath[1]}/_upgraph"
  upgraph completion fish > ~/.config/fish/completions/upgraph.fish
"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL."""
    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(context.find_root().command, {}, "upgraph", "_UPGRAPH_COMPLETE").source())
