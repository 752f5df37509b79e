"""A graph in the DOT language, for Graphviz: unconditional edges solid, conditional ones dashed with their risks."""

from upgraph.graph.model import UpdateGraph


def to_dot(graph: UpdateGraph) -> str:
    """The graph as a DOT document, the newest release on top."""
    lines = ["digraph updates {", "  rankdir=BT;", '  node [shape=box, fontname="sans-serif"];']
    for node in graph.nodes:
        style = ", style=dotted" if node.is_abstract else ""
        lines.append(f"  {_quoted(node.version.text)} [label={_quoted(node.version.text)}{style}];")
    names = [_quoted(node.version.text) for node in graph.nodes]
    lines += [f"  {names[source]} -> {names[target]};" for source, target in graph.edges()]
    for source, target, risks in graph.conditional_edges():
        label = _quoted(", ".join(risk.name for risk in risks))
        lines.append(f"  {names[source]} -> {names[target]} [style=dashed, label={label}];")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
