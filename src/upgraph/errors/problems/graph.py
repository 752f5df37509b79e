"""Problems of the graph room: versions, patterns and what goes wrong when a graph is built."""

from upgraph.errors.problem import Problem

VERSION_INVALID = Problem(
    "version-invalid",
    "A version is not SemVer",
    "Clusters find themselves in the graph by their version, so a version that cannot be parsed cannot be placed.",
    "Write it as MAJOR.MINOR.PATCH with an optional pre-release and build, for example 4.18.3 or 4.18.0-rc.1+amd64.",
)
PATTERN_INVALID = Problem(
    "pattern-invalid",
    "A `from` pattern cannot be used",
    "The pattern decides which updates a rule takes away. Without it nobody can say which are safe, so all are withheld.",
    "Correct the regular expression. Look-around, back-references and possessive repeats are not supported.",
)
PATTERN_MEANING = Problem(
    "pattern-meaning",
    "A `from` pattern means something else to Cincinnati",
    "The same graph data would block other updates on a Cincinnati server than it does here.",
    "Write the pattern without the construct that is named; the documentation of patterns lists the safe ones.",
)
PATTERN_EMPTY = Problem(
    "pattern-empty",
    "A `from` pattern is empty",
    "An empty pattern matches every version, so the rule applies to every update into its target.",
    "Write `.*` if that is meant, otherwise the versions that are meant.",
)
RELEASE_CONFLICT = Problem(
    "release-conflict",
    "Two images claim the same version and architecture",
    "Nobody can tell which of them clusters should run, so a new one is not offered; one that was already offered stays.",
    "Find out which image is right and remove the tag of the other from the repository.",
)
RELEASE_CYCLE = Problem(
    "release-cycle",
    "Releases name each other as updates in a circle",
    "A graph must lead forward. The edge that points to the lower version is left out, all others stay.",
    "Correct `previous` or `next` of the release that points backwards, or block that edge in the graph data.",
)
LABEL_INVALID = Problem(
    "label-invalid",
    "A label of a release names something that is not a version",
    "An edge that it asks for is not added. A label that takes edges away and cannot be read takes all that it could.",
    "Correct the comma-separated list of versions in the release metadata or in raw/metadata.json.",
)
LABEL_UNKNOWN = Problem(
    "label-unknown",
    "A label names a version that is not in the graph",
    "The edge that the label asks to add has no other end, so it is not added.",
    "Mirror the missing release, or remove it from the label.",
)
WIRE_INVALID = Problem(
    "graph-invalid",
    "A document is not an update graph",
    "What an upstream server sent cannot be served on, so the graph that was held before stays in force.",
    "Check that the address leads to the /graph of a graph builder and that nothing in between changes the answer.",
)
WIRE_EDGE = Problem(
    "graph-edge",
    "An update graph has edges that lead nowhere",
    "A cluster drops the whole answer when a conditional update leads to a release that is missing.",
    "Have the upstream server corrected; the edges that are named are left out.",
)
WIRE_UNANSWERABLE = Problem(
    "graph-without-answers",
    "An upstream graph has an answer for no cluster",
    "Clusters are answered by channel and architecture. Where no release has both, each of them would be told that its "
    "version is unknown, so the graph that was held before stays in force.",
    "Name the /graph of a graph builder as --upstream: --builder-listen of another upgraph service, or port 8080 of a "
    "graph-builder. What an update service answers to clusters names no architectures any more. Where it is the graph of a "
    "graph builder, put its releases into channels of its graph data.",
)
PROMOTION_INVALID = Problem(
    "promotion-invalid",
    "A list of promoted versions cannot be used",
    "Nobody can tell which updates it was to allow, so the lists that were read last stay in force. A service that has "
    "never read any does not answer with a graph until it can.",
    "Write one version a line, as in 4.18.3 or 4.18.3+amd64, or a pattern such as 4.18.*; # begins a comment. Correct the "
    "line that is named, or let the user of the service read the file.",
)
PROMOTION_EMPTY = Problem(
    "promotion-empty",
    "No version is promoted",
    "Clusters find themselves in the graph and are told of no update.",
    "Write the versions that clusters may be updated to into the list, one a line; upgraph graph recommended prints those of "
    "another environment. To offer all updates, leave --promoted out.",
)
PROMOTION_UNKNOWN = Problem(
    "promotion-unknown",
    "A list promotes versions that are not here",
    "Nothing is withheld because of it. It may be a slip of the pen, or a release that was not mirrored yet.",
    "Compare the line that is named with upgraph graph show. Nothing has to be done if the release is still to come.",
)
