"""Problems of the graphdata room: reading a set of graph data and what is wrong inside it."""

from upgraph.errors.problem import Problem

SOURCE = Problem(
    "graph-data-source",
    "There is no graph data at the place that was named",
    "Without graph data there are no channels and no blocked edges, so no cluster could be offered an update.",
    "Name an existing directory that holds version, channels/, blocked-edges/ and raw/metadata.json, "
    "or a .tar.gz or .tgz file of one; https://..., docker://HOST/REPOSITORY:TAG, oci:DIRECTORY:TAG, oci-archive:FILE, "
    "git:DIRECTORY#REVISION, https://HOST/PATH.git#REVISION or USER@HOST:PATH#REVISION.",
)
LAYOUT = Problem(
    "graph-data-layout",
    "The set of graph data is not complete",
    "A part that is missing looks like channels or blocks that were taken away on purpose, so a set without "
    "version, raw/metadata.json or any channel is refused. The last good set stays in force.",
    "Check the path and that the copy was complete. Without additions raw/metadata.json holds {}.",
)
NO_BLOCKED_EDGES = Problem(
    "graph-data-no-blocked-edges",
    "The set of graph data has no blocked edges",
    "A copy that was cut short looks the same, and without its rules every known bad update would be offered. So the set "
    "is refused, and the last good one stays in force.",
    "Copy blocked-edges/ again. If no rule is meant, put a README.md into it: git and tar keep no empty directories.",
)
UNREADABLE = Problem(
    "graph-data-unreadable",
    "Graph data cannot be read",
    "What cannot be read cannot be followed: a file of blocked-edges/ withholds all updates into its target, "
    "anything else refuses the set, and the last good one stays in force.",
    "Check that the named file exists, is a plain file, that the service may read it and that a link does not lead "
    "out of the set.",
)
CHANGING = Problem(
    "graph-data-changing",
    "Graph data keeps changing while it is read",
    "A mixture of two states could offer an update that neither of them offers. The last good set stays in force.",
    "Wait until the copy is finished. Replace the set at once where that is possible: fill a new directory beside "
    "it and turn a symbolic link to it.",
)
TOO_LARGE = Problem(
    "graph-data-too-large",
    "Graph data is larger than is accepted",
    "Limits keep a wrong or hostile input from taking the memory of the service. The last good set stays in force.",
    "Check that the path names graph data and nothing else. A file may have 4 MiB, a set 50,000 files and 256 MiB.",
)
ARCHIVE = Problem(
    "graph-data-archive",
    "The tarball of graph data is damaged or not acceptable",
    "A part of a tarball looks like channels or blocks that were taken away. The last good set stays in force.",
    "Copy the tarball again and compare checksums; `gzip -t` and `tar tzf` show what is in it. Names must not be "
    "absolute or lead upwards.",
)
IMAGE = Problem(
    "graph-data-image",
    "The image with the graph data cannot be used",
    "Without a whole image it is not known which channels and rules it means. The last good set stays in force.",
    "Check that the reference names an image for containers that has graph data in it. Then build it again, or copy it "
    "again with a tool that checks digests, such as `skopeo copy`.",
)
IMAGE_PATH = Problem(
    "graph-data-image-path",
    "The image has no graph data where it was looked for",
    "Without graph data there are no channels and no blocked edges. The last good set stays in force.",
    "Say with --graph-data-path where in the image the directory with version and channels/ is, without links on the "
    "way; the file from which the image was built tells.",
)
DOWNLOAD = Problem(
    "graph-data-download",
    "The tarball of graph data cannot be fetched",
    "Changes of the graph data do not arrive. The last good set stays in force, and fetching is tried again.",
    "Fetch the address with `curl -v` from where the service runs. Check name, port, certificates (--ca), login and "
    "proxies on the way.",
)
GIT = Problem(
    "graph-data-git",
    "The graph data cannot be read from the git repository",
    "Changes of the graph data do not arrive. The last good set stays in force.",
    "Try `git -C REPOSITORY rev-parse REVISION` as the user of the service. The repository must be complete and "
    "readable: nothing is fetched, no submodule and no large file storage is followed.",
)
GIT_FETCH = Problem(
    "graph-data-git-fetch",
    "The graph data cannot be fetched from the git repository",
    "Changes of the graph data do not arrive. A service keeps its last good set and tries again.",
    "Try `git ls-remote ADDRESS REVISION` from the same machine as the same user. Authorities (--ca) and proxies are those "
    "of all connections. A login comes from the address, from ~/.netrc or from ssh without a question; the configuration "
    "of git is not looked at.",
)
GIT_MISSING = Problem(
    "graph-data-git-missing",
    "The program git is not installed",
    "Graph data in a git repository is read through it.",
    "Install git, or give the graph data as a directory, a tarball or an image.",
)
SCHEMA = Problem(
    "graph-data-version",
    "The schema version of the graph data is not supported",
    "Another major version may give rules another meaning, so following them as we know them could be unsafe. "
    "The last good set stays in force.",
    "Use graph data whose file version holds 1.x.y, or a release of this program that knows the newer schema.",
)
SCHEMA_NEWER = Problem(
    "graph-data-version-newer",
    "The graph data follows a newer schema than is known here",
    "It is used. What the newer schema adds has no effect.",
    "Look for a newer release of this program.",
)
YAML = Problem(
    "graph-data-yaml",
    "A file of the graph data is not usable YAML",
    "In blocked-edges/ all updates into its target are withheld until it is corrected. In channels/ the set is "
    "refused, because clusters would lose their channel; the last good set stays in force.",
    "Correct the file at the named line. It must be one UTF-8 document in which no key is repeated.",
)
CHANNEL = Problem(
    "graph-data-channel",
    "A channel file is not valid",
    "Clusters in this channel would find fewer updates or none, so the set is refused and the last good one stays.",
    "A channel file has the key name, without comma or white space, and the key versions, a list of versions.",
)
CHANNEL_NAME = Problem(
    "graph-data-channel-name",
    "No cluster can ask for a channel of this name",
    "Requests may name channels with a-z, 0-9, hyphen and full stop only. The channel is kept, and nobody reaches it.",
    "Rename the channel, for example stable-4.18.",
)
CHANNEL_REPEATED = Problem(
    "graph-data-channel-repeated",
    "Two files define the same channel",
    "The versions of both are in the channel. If one of the files is an old copy, it brings versions back.",
    "Put all versions of the channel into one file.",
)
RAW_METADATA = Problem(
    "graph-data-raw-metadata",
    "raw/metadata.json is not valid",
    "It can add and remove edges. Without it a removed edge would come back, so the set is refused and the last "
    "good one stays in force.",
    'Write it as {"4.1.0": {"key": "value"}}: an object by version, in each an object of strings.',
)
RAW_METADATA_VERSION = Problem(
    "graph-data-raw-metadata-version",
    "raw/metadata.json names something that is not a version",
    "The entry belongs to no release and has no effect; all others have.",
    "Correct the key, for example 4.1.0 or 4.1.0+amd64.",
)
RULE = Problem(
    "graph-data-rule",
    "A file of blocked-edges/ is not a valid rule",
    "Nobody can say which updates it was meant to take away, so all updates into its target are withheld.",
    "An unconditional rule has exactly the keys to and from. A conditional one has to, from, url, name, message and "
    "matchingRules.",
)
RULE_TARGET = Problem(
    "graph-data-rule-target",
    "A broken rule does not tell its target",
    "It is not known which updates to withhold, so the set is refused and the last good one stays in force.",
    "Correct the file, and name it after its target: 4.18.3.yaml, or 4.18.3-NameOfTheRisk.yaml.",
)
MATCHING_RULE = Problem(
    "graph-data-matching-rule",
    "A cluster cannot evaluate a risk",
    "Clusters drop matching rules that they do not understand, and a conditional update that has none left is not "
    "even shown to administrators.",
    "Use type: Always alone, or type: PromQL with a query under promql.promql.",
)
IGNORED = Problem(
    "graph-data-ignored",
    "A file beside the graph data is not read",
    "Only files that end in .yaml or .yml are graph data. If this is a rule, the update that it blocks is offered; if it is "
    "a channel, nobody gets it.",
    "Rename the file if it is graph data, take it away if it is none. README, OWNERS and *.md may stay.",
)
NO_COPIER = Problem(
    "graph-data-copier",
    "The program that makes an image of graph data run is not there",
    "An image that runs without a base image needs a small program, which is compiled when Upgraph is packaged. It "
    "is missing where Upgraph was installed from its sources without the compiler, or for an architecture that "
    "update services do not run on.",
    "Install Upgraph from its wheel, or run `make copier` in a checkout. Or make the image with --base IMAGE, where "
    "IMAGE has a shell and cp.",
)
