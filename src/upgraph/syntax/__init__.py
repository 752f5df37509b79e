"""Forms that several rooms read; what may enter are bytes, and what comes out has no meaning yet.

Nothing here knows what is read, so faults are a :class:`SyntaxFault`, which the reading room reports as
the documented problem that it is there.
"""

from upgraph.syntax.fault import SyntaxFault

__all__ = ["SyntaxFault"]
