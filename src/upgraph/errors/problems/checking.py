"""Problems that are looked for before graph data is served: what a service accepts and nobody meant.

The service reports what it cannot read (:mod:`upgraph.errors.problems.graphdata`). These are the rest: rules
of the continuous integration of the public graph data, and what that does not look for.
"""

from upgraph.errors.problem import Problem

RULE_ENDING = Problem(
    "rule-ending",
    "A rule has an ending that Cincinnati does not read",
    "The rule is in force here. A Cincinnati server passes over the file, so it offers what the rule blocks.",
    "Let the name of the file end in .yaml.",
)
RULE_FILE_NAME = Problem(
    "rule-file-name",
    "The name of a rule does not begin with its target",
    "People find the rules of a release by their names, and if the file is damaged, its name tells which updates to withhold.",
    "Name the file after its target: 4.18.3.yaml, or 4.18.3-NameOfTheRisk.yaml.",
)
RULE_REPEATED = Problem(
    "rule-repeated",
    "Two rules block updates into the same release",
    "Both are in force here. Cincinnati keeps only the one that it happens to read last, and offers what the other blocks.",
    "Put both patterns into one file: `from: FIRST|SECOND`.",
)
RULE_ARCHITECTURE = Problem(
    "rule-architecture",
    "A risk is limited to one architecture",
    "Here the updates of the other architectures stay as they are. Cincinnati takes them away without offering them "
    "with the risk.",
    "If Cincinnati reads the same data, write `to` without the architecture, and name the architecture in `from`: "
    "`4[.]17[.].*[+]amd64`.",
)
RULE_TARGET_UNKNOWN = Problem(
    "rule-target-unknown",
    "A rule is for a release that no channel names",
    "No cluster is offered this release, so the rule has no effect. The number may be mistyped, and then another "
    "release lacks its rule.",
    "Correct `to`, or remove the rule if its release will never be in a channel.",
)
RISK_URL = Problem(
    "risk-url",
    "The address of a risk cannot be used",
    "Clusters refuse a conditional update whose risks have no valid address, and administrators decide by what they "
    "read there.",
    "Write an address that begins with https:// and explains the risk.",
)
RISK_NAME = Problem(
    "risk-name",
    "The name of a risk is not CamelCase",
    "The name becomes the reason of a condition in the cluster, which Kubernetes refuses in another form. The cluster "
    "then shows none of its conditional updates.",
    "Begin with a capital letter, and use only A-Z, a-z, 0-9 and the underscore: SlowVolumes.",
)
RISK_MESSAGE = Problem(
    "risk-message",
    "A risk has no message",
    "Administrators are told that there is a risk and not which one; clusters refuse a risk without message.",
    "Say in a sentence or two who is affected and what happens to them.",
)
RISK_RULES = Problem(
    "risk-rules",
    "The matching rules of a risk are not of the form that clusters know",
    "A cluster goes through the rules in their order and takes the first that it can evaluate. Types and keys that it does "
    "not know are passed over, so it may be told too little or too much.",
    "Use each type once: `type: Always` alone, or `type: PromQL` with the query under promql.promql and nothing else.",
)
RISK_DIFFERS = Problem(
    "risk-differs",
    "Two rules give the same risk another content",
    "Administrators accept and look up risks by their names. If one name stands for two things, they accept what "
    "they have not read.",
    "Make url, message and matchingRules of all files with this name equal, or give one of them another name.",
)
PROMQL = Problem(
    "promql-invalid",
    "A PromQL query cannot be evaluated",
    "Clusters cannot find out whether the risk applies to them, so each of them is told that it might, for as long as the rule stands.",
    "Correct the query; try it on the monitoring of a cluster. It has to yield 1 where the risk applies and 0 where it does not.",
)
PROMQL_UNKNOWN = Problem(
    "promql-unchecked",
    "A PromQL query cannot be judged here",
    "The query uses a function that is not known here, or is too long. A cluster may understand it, or may not.",
    "Try the query on the monitoring of a cluster, and accept this warning with a reason.",
)
PATTERN_NO_MATCH = Problem(
    "pattern-no-match",
    "A `from` pattern matches none of the versions",
    "The rule has no effect, and the updates that somebody meant to take away are offered.",
    "Compare the pattern with the version and its architecture, such as 4.17.3+amd64. Dots are written [.].",
)
PATTERN_MINOR = Problem(
    "pattern-minor",
    "A `from` pattern matches other minors than it names",
    "A pattern is searched for anywhere in the version, and a dot in it matches any character: `4.18.*` also matches "
    "4.4.18 and 4.14.18. Updates from those are taken away or get the risk as well.",
    "Write dots as [.] and begin with ^: `^4[.]18[.].*`.",
)
PATTERN_PATCH = Problem(
    "pattern-patch",
    "A `from` pattern matches versions of which it only names the beginning",
    "A pattern may end in the middle of a number: `4[.]18[.][0-4]` also matches 4.18.10, because 4.18.1 is in it. "
    "Updates from such versions are taken away or get the risk as well.",
    "End the pattern where the version ends: `4[.]18[.][0-4][+].*`.",
)
BLOCK_AND_RISK = Problem(
    "block-and-risk",
    "An update is blocked and has a risk",
    "The block wins here and the update is not offered. Cincinnati offers it with the risk, so the same data gives "
    "clusters different answers.",
    "Decide for one of the two. If the update is to be blocked, narrow `from` of the risk; if it is to be offered, that of the block.",
)
CHANNEL_SUBSET = Problem(
    "channel-subset",
    "A channel has versions that the channel before it lacks",
    "Versions go from candidate to fast to stable. One that skipped a step was not tried there, and clusters that change to "
    "the earlier channel find themselves outside it.",
    "Add the versions to the earlier channel, or take them out of this one.",
)
CHANNEL_SIBLING = Problem(
    "channel-sibling",
    "A channel exists without the channel that comes before it",
    "In the public data each stable channel has a fast one and a candidate one. Tools that promote versions, and "
    "administrators, rely on that.",
    "Add the missing channel. If your platform has no such channels, accept the warning with a reason.",
)
RELEASE_MISSING = Problem(
    "channel-release-missing",
    "A channel or a block names versions of which there is no release",
    "Clusters are not offered what is not there. In a full mirror it means that a release was not copied, or a number is mistyped.",
    "Copy the releases, or correct the versions. In a partial mirror this is as it should be: accept the warning.",
)
RELEASE_ERRATA = Problem(
    "release-errata",
    "A release does not lead to its errata",
    "Administrators find out through the metadata `url` what a release repairs, and promotion waits for the errata to be public.",
    "Look at the release: `url` of a general release of OpenShift is https://access.redhat.com/errata/RHBA-YYYY:NNNN.",
)
DEAD_END = Problem(
    "release-dead-end",
    "Clusters that update to a release find no way out of it",
    "The graph offers the update into the release, and nothing from there, although its channel has later versions. Clusters "
    "that take it are stuck, without security updates, until somebody changes the graph.",
    "Take the edges into the release away as well, or open one way out of it: look at the rules of the later versions.",
)
BASELINE = Problem(
    "check-baseline",
    "The file of accepted warnings is not valid",
    "If it is read wrongly, a warning that matters is not shown.",
    "Each entry under `accepted` has the keys reference, file (* stands for any characters) and reason, which is not empty.",
)
BASELINE_STALE = Problem(
    "check-baseline-stale",
    "An accepted warning does not exist any more",
    "Nothing is wrong with the data. An entry that is left behind would accept the next fault of its kind unseen.",
    "Remove the entry, or write the file anew with --write-baseline.",
)
PACK_REFUSED = Problem(
    "pack-refused",
    "The graph data has errors, so it is not packed",
    "An image is carried to where nobody can correct it. What is wrong in it is wrong until the next one arrives.",
    "Correct what `upgraph graph-data check` shows. To pack it all the same, name each reference: --no-check REFERENCE.",
)
BASE_PLATFORM = Problem(
    "pack-base-platform",
    "The base image does not have every architecture",
    "The image of an architecture that the base lacks could not run, and clusters of that architecture would fail to start it.",
    "Choose a base that has all of them, or name those that you need with --arch.",
)
OUTPUT_TAKEN = Problem(
    "graph-data-output-taken",
    "The directory for the graph data holds something else",
    "Replacing it would remove what is in it.",
    "Name a directory that does not exist, that is empty, or that holds graph data and nothing else.",
)
