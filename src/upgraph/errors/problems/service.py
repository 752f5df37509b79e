"""Problems of the service room."""

from upgraph.errors.problem import Problem

SNAPSHOT_DAMAGED = Problem(
    "snapshot-damaged",
    "The saved snapshot cannot be used",
    "After a restart clusters get no answer until the first scrape is done, because the last good graph was lost.",
    "Nothing needs to be done: a new snapshot is written. If it happens again, check the disk of the state directory.",
)
LISTEN_FAILED = Problem(
    "listen-failed",
    "An address cannot be listened on",
    "The service does not start, because clusters or probes that ask there would get no answer.",
    "Stop what holds the port (`ss -ltnp` names it), or choose another address or port.",
)
CERTIFICATE_UNUSABLE = Problem(
    "certificate-unusable",
    "The certificate of the service cannot be used",
    "Without one the service does not start with TLS. If it is running, clients still get the certificate it had before.",
    "Give a PEM file with the chain (--tls-cert) and one with its key (--tls-key), without a password, readable for the"
    " user of the service. `openssl x509 -noout -pubkey -in CERT` and `openssl pkey -pubout -in KEY` print the same"
    " text if they belong together. Replaced files are used within two seconds.",
)
CERTIFICATE_ENDING = Problem(
    "certificate-ending",
    "A certificate ends soon or has ended",
    "From that moment on clients refuse the server that shows it: clusters this service, or this service a registry.",
    "Have the certificate issued anew and put it in the place of the old one. The service uses files that are replaced "
    "within two seconds, without a restart.",
)
GRAPH_NOT_READY = Problem(
    "graph-not-ready",
    "There is no update graph yet",
    "Clusters that ask get 503 and keep what they know; they ask again within minutes.",
    "Wait for the first scrape to end. If it does not, its last log line names what it waits for.",
)
GRAPH_STALE = Problem(
    "graph-stale",
    "The update graph is older than --max-stale allows",
    "Clusters still get its answers, but new releases and recalled updates of that time are missing in it.",
    "Look up why the last scrapes failed, in the log or under /status; the age falls with the next good one.",
)
STATUS_ADDRESS = Problem(
    "status-address",
    "What was given names no status port",
    "Nobody was asked, so nothing is known of the service.",
    "Name HOST:PORT of --status-listen (default 127.0.0.1:9081), with or without http:// and /status.",
)
REPLICAS_DIFFER = Problem(
    "replicas-differ",
    "Replicas give different graphs",
    "A cluster that asks twice may be offered an update, and then not, depending on which replica answers.",
    "Replicas read their sources at different moments, so look again after --scrape-interval. If it stays, a replica cannot "
    "read a source, or was given another one: compare the sources of each with `upgraph status URL -o wide`.",
)
STATUS_UNAVAILABLE = Problem(
    "status-unavailable",
    "The status of a service cannot be read",
    "Nothing can be said of the service. It may be well.",
    "Check that it runs, and name the address of --status-listen (default 127.0.0.1:9081), not the one on which clusters are answered. From outside "
    "of a pod, forward it: oc port-forward deployment/NAME 9081.",
)
STATE_UNWRITABLE = Problem(
    "state-unwritable",
    "The state directory cannot be used",
    "What is learnt would be lost at a restart, so the service does not start with a state directory it cannot write. One "
    "that runs goes on from memory.",
    "Make the directory writable for the user that runs the service and see that its disk has room, or leave --state-dir "
    "out to work from memory.",
)
LISTING_SHRUNK = Problem(
    "listing-shrunk",
    "A source suddenly has far fewer tags",
    "A registry that is broken or half copied looks like this, whether it lists them no more or lacks their manifests. Releases that vanished stay in the graph until it is clear.",
    "If they were removed on purpose, raise --shrink-limit (1 accepts any listing) and restart; otherwise mend the registry.",
)
TAGS_WITHOUT_MANIFEST = Problem(
    "tags-without-manifest",
    "Tags are listed whose manifest is not there",
    "What such a tag was is not in the graph, because no node could pull it. A registry that lost a part of its storage "
    "looks like this, and so does one from which images were deleted by their digest alone.",
    "Mirror the images again that the tags should lead to. Where they were deleted on purpose, remove the tags too.",
)
SCRAPE_CUT_SHORT = Problem(
    "scrape-cut-short",
    "A scrape was cut short",
    "The registry failed so often in a row that asking on would only have made it worse. Known releases stay in the graph.",
    "Look at the first failures in the log; the next scrape tries again.",
)
RELEASES_EMPTY = Problem(
    "releases-empty",
    "No release was found",
    "An empty graph tells every cluster that its version is unknown, so none is served until there is a release.",
    "Check that --releases names the repository that holds release images, and that they were mirrored with their tags.",
)
SETTING_INVALID = Problem(
    "setting-invalid",
    "A setting has a value that cannot be used",
    "The service does not start with a configuration that was not understood, so that it never does something else.",
    "Correct the value; `upgraph config show` prints what is in force and where each value came from.",
)
SETTING_UNKNOWN = Problem(
    "setting-unknown",
    "A setting is not known",
    "A key or variable that is misspelt has no effect.",
    "Correct it or remove it; the configuration reference lists all of them.",
)
CONFIGURATION_UNREADABLE = Problem(
    "configuration-unreadable",
    "A configuration file cannot be read",
    "The service does not start without the configuration that it was told to use.",
    "Check that the file exists, can be read by the user of the service, and is valid TOML. UPGRAPH_CONFIG separates "
    "several files by colons.",
)
SERVICE_NOT_FOUND = Problem(
    "service-not-found",
    "No service runs as that process",
    "What it was started with is not known, so nothing of it can be checked.",
    "Give the process of `upgraph serve` as its user or as root: 1 in a container, elsewhere pgrep -f 'upgraph serve' names it.",
)
SOURCE_MISSING = Problem(
    "source-missing",
    "Nothing to serve is configured",
    "Nothing is ever contacted by default, so the service must be told where releases and graph data are.",
    "Give --releases SOURCE and --graph-data SOURCE. Commands that show a graph also take the URL of a running service. "
    "`upgraph demo` shows a service with a sample platform.",
)
UPSTREAM_FAILED = Problem(
    "upstream-failed",
    "The upstream graph could not be fetched",
    "The graph that is held stays in force, and new releases and recalled updates do not arrive.",
    "Check that the address is the /graph of a graph builder (--builder-listen of another upgraph service), not one for "
    "clusters, which asks for a channel, and that the graph builder behind it is ready.",
)
GRAPH_NOT_GIVEN = Problem(
    "graph-not-given",
    "No graph could be had from the address",
    "There is nothing to show or to list.",
    "Check the address, path included: that of a service ends in /graph, as `upgraph serve` prints it. With --ca name the "
    "authority that has signed its certificate, if it is not one of the system.",
)
BUILDER_ENDED = Problem(
    "builder-ended",
    "The building process ended by itself",
    "Answers go on, but nothing new arrives until it runs again; it is started anew after a pause.",
    "Look at the lines before this one in the log. If it was killed for its memory, raise the limit.",
)
ANSWERING_ENDED = Problem(
    "answering-ended",
    "A process that answers clusters ended by itself",
    "The others go on with all new connections; those that it held are lost, and their clusters ask again.",
    "Look at the lines before this one in the log. If it was killed for its memory, raise the limit or set "
    "--serving-processes to a smaller number.",
)
PROBLEM_UNKNOWN = Problem(
    "problem-unknown",
    "There is no such reference",
    "References are stable, so this one was misspelt or comes from another version.",
    "Run `upgraph problem` for the list.",
)
PLUGIN_REFUSED = Problem(
    "plugin-refused",
    "A plugin or a setting of one is not available",
    "Leaving it out silently would give clusters another graph than the configuration asks for.",
    "Remove it, or use `upgraph serve`, which needs no plugins.",
)
STATE_SHARED = Problem(
    "state-shared",
    "Another service uses the state directory",
    "Two services that write one directory would damage each other's files, so this one keeps its state in memory.",
    "Give each service a directory of its own. If the other one is ending, restart this one afterwards.",
)
SNAPSHOT_TOO_LARGE = Problem(
    "snapshot-too-large",
    "The answers of the graph are too large",
    "So much cannot be kept ready, so the graph that was served before stays in force.",
    "Look for channels that should not be there: each channel costs an answer for every architecture.",
)
DIRECTORY_TAKEN = Problem(
    "directory-taken",
    "The directory of the sample platform has other content",
    "The sample would be written over files that are not its own.",
    "Name a directory that is empty or does not exist yet.",
)
OUTPUT_UNWRITABLE = Problem(
    "output-unwritable",
    "A file cannot be written",
    "What was made is lost. What lay in its place before is unchanged, because a file is replaced whole or not at all.",
    "Name a file in a directory that exists, that this user may write, and whose disk has room.",
)
SCRAPE_INVALID = Problem(
    "scrape-invalid",
    "A saved scrape cannot be used",
    "Releases that were read from it before stay in the graph, and new ones do not arrive.",
    "Copy the file again and compare its checksum with the original; a copy that was cut off is no JSON. If its version "
    "is not known, make it with the same version of the program as the one that reads it.",
)
SCRAPE_ENTRY = Problem(
    "scrape-entry",
    "A release in a saved scrape cannot be used",
    "This release is left out of the graph. The others in the file are not affected.",
    "Make the file anew with upgraph scrape. If it is edited by hand, look at the line that is named.",
)
SCRAPE_UNPROVEN = Problem(
    "scrape-unproven",
    "Releases of a saved scrape were not verified",
    "--verify-layers asks for releases whose layer was checked against its digest. That can be done only where the images "
    "are, so releases that were saved without it are left out.",
    "Make the file anew with upgraph scrape --verify-layers, or serve it without --verify-layers.",
)
SCRAPE_INCOMPLETE = Problem(
    "scrape-incomplete",
    "Not everything could be read, so nothing was written",
    "A site that is fed with a part would take the releases that are missing for withdrawn and stop offering them.",
    "Mend what is named and run it again; --state-dir keeps what was read until then. --partial writes what there is.",
)
SIGNATURES_UNREADABLE = Problem(
    "signatures-unreadable",
    "Signatures cannot be read",
    "A cluster applies a release only after it has found a signature, so releases whose signatures are not served wait.",
    "Let --signatures name a directory with sha256=HEX/signature-1 files that the user of the service may read. Links must "
    "stay inside the directory; a signature may have 1 MiB.",
)
BUNDLE_INVALID = Problem(
    "bundle-invalid",
    "There is no usable bundle",
    "Nothing of it is served; what was served before stays.",
    "Name a directory or an uncompressed archive that upgraph bundle create made. If its version is not known, make it with "
    "the same version of the program as the one that reads it.",
)
BUNDLE_DAMAGED = Problem(
    "bundle-damaged",
    "A bundle is incomplete",
    "A part of a bundle could give clusters releases without the rules that hold updates back, so none of it is served; what "
    "was served before stays.",
    "Wait for the copy to end, or copy it again; upgraph bundle check names everything that is missing.",
)
BUNDLE_MISMATCH = Problem(
    "bundle-mismatch",
    "A file of a bundle is not the one that was put into it",
    "It was damaged or changed on its way, so none of the bundle is served; what was served before stays.",
    "Copy the bundle again. If it happens again, compare its digest with the one that upgraph bundle create printed.",
)
BUNDLE_EXTRA = Problem(
    "bundle-extra",
    "A bundle has a file that does not belong to it",
    "It is not served. Two bundles that were copied into one directory look like this.",
    "Remove the file, or copy the bundle into an empty directory.",
)
BUNDLE_PART = Problem(
    "bundle-part",
    "A part of a bundle cannot be used",
    "No bundle was made, because it would lack what it was asked to hold.",
    "Check that the directory can be read and that nobody writes into it while the bundle is made.",
)
BUNDLE_TAKEN = Problem(
    "bundle-taken",
    "The directory of a bundle exists already",
    "A bundle that is written over another one would be neither of them for a while, and may be served.",
    "Name a directory that does not exist, and turn a symbolic link to it afterwards; an archive is replaced at once.",
)
