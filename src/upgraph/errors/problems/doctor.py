"""Problems that `upgraph doctor` looks for, beside those that the service itself meets."""

from upgraph.errors.problem import Problem

NAME_UNRESOLVED = Problem(
    "name-unresolved",
    "The name of a server has no address",
    "Nothing can be read from a server whose name cannot be resolved. What was read before stays in force.",
    "Correct the name, or enter it at one of the name servers in /etc/resolv.conf. In a container these are not always "
    "those of its host. Behind a proxy only the name of the proxy has to be known here.",
)
CONNECT_FAILED = Problem(
    "connect-failed",
    "A server does not accept connections",
    "Nothing can be read from it. What was read before stays in force.",
    "'Connection refused' means that nothing listens on the port: check the port, and that the server runs. No answer in "
    "time means that a firewall or a network policy on the way drops packets.",
)
CLOCK_SKEW = Problem(
    "clock-skew",
    "The clocks of this machine and of a server differ",
    "Certificates and tokens hold from one moment to another. With a clock that is wrong, valid ones are refused, and the "
    "log cannot be compared with those of other machines.",
    "Find out which of the two is wrong, and have it follow a time server.",
)
DISK_LOW = Problem(
    "disk-low",
    "The disk of the state directory is nearly full",
    "A new graph that cannot be kept is served from memory, and lost at a restart.",
    "Make room, or give the service a larger volume. A few hundred MiB are enough.",
)
FILES_LIMIT = Problem(
    "files-limit",
    "Few open files are allowed",
    "Every connection of a cluster is an open file, so fewer clusters are served at a time than the service could serve.",
    "Raise the hard limit of open files for the service to 65,536.",
)
PAYLOAD_DOUBTFUL = Problem(
    "payload-doubtful",
    "Clusters are told to pull releases from a place that they may not reach",
    "The graph names the registry that releases are pulled from. If only this machine knows it, an update that a cluster "
    "has begun fails when its nodes pull the release.",
    "Name with --payload-repository the repository as clusters know it.",
)
RELEASE_NOT_MET = Problem(
    "release-not-met",
    "Among the first tags there is no release",
    "Release images and their components are often mirrored to repositories of similar names. Without a release there is "
    "no graph.",
    "Check that --releases names the repository with the release images. If it holds components as well, releases may be "
    "found by the service, which looks at every tag.",
)
CHECK_TIMEOUT = Problem(
    "check-timeout",
    "A check took too long",
    "Something does not answer and does not refuse either, so nothing can be said of what was to be looked at.",
    "Look at the checks before this one for what is slow: a name server, a firewall that drops packets, a disk that hangs.",
)
