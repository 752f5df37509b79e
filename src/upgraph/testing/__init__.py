"""Simulators and contract checks that are shipped for others to use; nothing that serves may enter.

Each module stands alone: import what is needed from it.
"""

__all__: list[str] = []
