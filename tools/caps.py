"""The limits of the program, for the page that lists them. What does not stand here has no limit of its own."""

from upgraph.cli import passwords, status_fetching
from upgraph.graph import pattern, pattern_set, promotion, version, wire
from upgraph.graphdata import (
    address,
    base_image,
    directory,
    files,
    git,
    git_remote,
    git_workplace,
    image,
    layer,
    tarball,
    tree,
)
from upgraph.graphdata.checking import baseline, promql
from upgraph.kube import client as kube_client
from upgraph.kube import configuration as kube_configuration
from upgraph.kube import connection as kube_connection
from upgraph.kube import events as kube_events
from upgraph.kube import exchange as kube_exchange
from upgraph.kube import exec_login
from upgraph.kube import informer as kube_informer
from upgraph.kube import queue as kube_queue
from upgraph.oci.copying import cargo, ordering
from upgraph.oci.credentials import auth_file, auth_writing, credential_helper
from upgraph.oci.disk import archive_index, image_directory, layout_entries, storage
from upgraph.oci.http import connections, downloads, retry, timing, tls_examination
from upgraph.oci.images import listing, manifest, referrers
from upgraph.oci.images import source as image_source
from upgraph.oci.mirrors import files as mirror_files
from upgraph.oci.registry import authorization, sending, transport, upload
from upgraph.oci.registry import destination as registry_destination
from upgraph.oci.trust import anchors, trusted_ca
from upgraph.payload import components, contents, manifests, metadata, probe, reader, references, whole_layer
from upgraph.service import crew, origins, snapshot
from upgraph.service.answering import (
    accepting,
    clients,
    conditional,
    negotiation,
    query,
    requests,
    server,
    waiting_line,
)
from upgraph.service.building import library, lookout, saved, scrape, siblings, signed, upstream
from upgraph.service.bundle import manifest as bundle_manifest
from upgraph.service.bundle import reading as bundle_reading
from upgraph.service.doctor import host as doctor_host
from upgraph.service.doctor import images as doctor_images
from upgraph.service.doctor import one_image
from upgraph.service.doctor import running as doctor_running
from upgraph.service.doctor.check import STEP_SECONDS
from upgraph.signing import (
    address_store,
    collecting,
    config_map,
    examining,
    gpgv,
    image_store,
    judge,
    keyring,
    packing,
    signing,
    verifier,
)
from upgraph.signing.cosign import finding, key_box, payload, public_keys
from upgraph.signing.cosign import signature as cosign_signature
from upgraph.syntax import signature_names, yaml

LIMITS: tuple[tuple[str, tuple[tuple[str, float, str], ...]], ...] = (
    (
        "Clients",
        (
            (
                "connections at a time for each listener, if the limit of open files allows",
                clients.Limits().connections,
                "",
            ),
            ("connections that wait to be accepted", server.BACKLOG, ""),
            ("TLS handshakes at a time for each listener", accepting.HANDSHAKES, ""),
            ("time for a TLS handshake", accepting.HANDSHAKE_SECONDS, "s"),
            ("time for one that others wait for", accepting.STALLED_SECONDS, "s"),
            ("time for those that have not ended at a stop", accepting.LAST_SECONDS, "s"),
            ("connections that wait for their handshake", waiting_line.MOST, ""),
            ("time for which they wait, in a burst", waiting_line.WAIT_SECONDS, "s"),
            ("time for which they wait where it never ends", waiting_line.BUSY_WAIT_SECONDS, "s"),
            ("request line and headers", clients.Limits().header_bytes, "bytes"),
            (
                "time for the header of a request, also between two requests",
                clients.Limits().header_seconds,
                "s",
            ),
            ("lines of a header", requests.MAX_HEADER_LINES, ""),
            ("body of a request, which is passed over", requests.MAX_BODY_BYTES, "bytes"),
            ("requests sent in one piece before an answer", requests.MAX_AT_ONCE, ""),
            ("time for which an answer may be left unread", clients.UNREAD_SECONDS, "s"),
            ("query", query.MAX_QUERY_LENGTH, "characters"),
            ("signature", signature_names.MAX_SIGNATURE_BYTES, "bytes"),
            (
                "`Accept` and `Accept-Encoding`; longer ones count as none",
                negotiation.MAX_FIELD_LENGTH,
                "characters",
            ),
            ("time for which an answer may be kept by caches", conditional.MAX_AGE, "s"),
            ("time for answers in flight when the service stops", server.STOP_GRACE, "s"),
        ),
    ),
    (
        "Registries and layouts",
        (
            ("tags of a repository", image_source.MAX_TAGS, ""),
            ("page of tags", listing.MAX_PAGE_BYTES, "bytes"),
            ("manifest", manifest.MAX_MANIFEST_BYTES, "bytes"),
            ("layers of an image", manifest.MAX_LAYERS, ""),
            ("images of an index", manifest.MAX_INDEX_ENTRIES, ""),
            ("things that refer to one image", referrers.MAX_REFERRERS, ""),
            ("`index.json` of a layout", layout_entries.MAX_INDEX_BYTES, "bytes"),
            ("members of an archive", archive_index.MAX_MEMBERS, ""),
            ("subdirectories of a directory of images", image_directory.MAX_IMAGES, ""),
            ("files of images in a directory of images", image_directory.MAX_FILES, ""),
            ("time for listing an archive or a directory of images", image_directory.LISTING_SECONDS, "s"),
            ("time for one read from a disk", storage.READ_SECONDS, "s"),
            ("file of mirrors", mirror_files.MAX_FILE_BYTES, "bytes"),
            ("rules of a file of mirrors", mirror_files.MAX_RULES, ""),
            ("time to connect", connections.CONNECT_SECONDS, "s"),
            ("time to the first byte of an answer", timing.ANSWER_SECONDS, "s"),
            ("time without a byte", connections.IDLE_SECONDS, "s"),
            ("time for one manifest or page", transport.DOCUMENT_SECONDS, "s"),
            ("redirects", connections.MAX_REDIRECTS, ""),
            ("attempts at one request", retry.Retry().attempts, ""),
            ("wait that a server may ask for", retry.MAX_RETRY_AFTER_SECONDS, "s"),
            ("failed tags in a row after which a scrape is cut short", scrape.MAX_FAILURES_IN_A_ROW, ""),
            ("time for an answer that is asked for between two scrapes", lookout.LOOK_SECONDS, "s"),
            ("time for it where one has failed", lookout.SECOND_LOOK_SECONDS, "s"),
            ("auth file", auth_file.MAX_FILE_BYTES, "bytes"),
            ("answer of a credential helper", credential_helper.MAX_OUTPUT_BYTES, "bytes"),
            ("time for a credential helper", credential_helper.HELPER_SECONDS, "s"),
            ("file of certificates", anchors.MAX_FILE_BYTES, "bytes"),
            ("files of a directory of certificates", anchors.MAX_FILES, ""),
            ("time to find out why a certificate is refused", tls_examination.EXAMINATION_SECONDS, "s"),
            ("time for a download that is no image", downloads.DOWNLOAD_SECONDS, "s"),
        ),
    ),
    (
        "Copying images",
        (
            ("blob that is sent in one request", upload.WHOLE_BYTES, "bytes"),
            ("part of a blob, where larger requests are refused", upload.PIECE_BYTES, "bytes"),
            ("time for the answer after the last byte of a blob", sending.LAST_SECONDS, "s"),
            ("attempts at one request", registry_destination.PATIENT.retry.attempts, ""),
            (
                "wait that a registry may ask for",
                registry_destination.PATIENT.retry.longest_asked,
                "s",
            ),
            ("slowest transfer, on average", timing.SLOWEST_BYTES_PER_SECOND, "bytes/s"),
            ("levels of indexes in indexes", cargo.MAX_DEPTH, ""),
            ("manifests of one image that is copied", cargo.MAX_MANIFESTS, ""),
            ("all of them together", cargo.MAX_MANIFEST_BYTES, "bytes"),
            ("repositories of one token", authorization.MAX_SCOPES, ""),
            ("list of images", ordering.MAX_LIST_BYTES, "bytes"),
            ("lines of it", ordering.MAX_LIST_LINES, ""),
        ),
    ),
    (
        "Release images",
        (
            (
                "first part of a layer that is read; each further one is twice as large",
                probe.FIRST_BYTES,
                "bytes",
            ),
            ("of an image that shows no sign of being a release", 4 * probe.FIRST_BYTES, "bytes"),
            ("of a layer, as transferred, without `--verify-layers`", probe.MAX_PREFIX_BYTES, "bytes"),
            ("of a layer, unpacked", probe.MAX_INFLATED_BYTES, "bytes"),
            ("release metadata", metadata.MAX_METADATA_BYTES, "bytes"),
            ("versions that a release names as its neighbours", metadata.MAX_NEIGHBOURS, ""),
            ("image configuration", reader.MAX_CONFIG_BYTES, "bytes"),
            ("images that are remembered", library.MAX_IMAGES, ""),
            ("of a layer that is read whole, unpacked", whole_layer.MAX_INFLATED_BYTES, "bytes"),
            ("file of a release that is looked into", contents.MAX_FILE_BYTES, "bytes"),
            ("files of a release that is looked into", contents.MAX_FILES, ""),
            ("all files of a release together", contents.MAX_TOTAL_BYTES, "bytes"),
            ("components of a release", references.MAX_COMPONENTS, ""),
            ("components that are asked for at a time", components.MAX_AT_ONCE, ""),
            ("nesting of a manifest that is examined", manifests.LIMITS.depth, "levels"),
            ("values of a manifest that is examined", manifests.LIMITS.nodes, ""),
        ),
    ),
    (
        "Signatures",
        (
            ("keyring", keyring.MAX_KEYRING_BYTES, "bytes"),
            ("keys of a keyring", keyring.MAX_KEYS, ""),
            ("content of a signature", judge.MAX_CONTENT_BYTES, "bytes"),
            ("time for judging one", gpgv.JUDGE_SECONDS, "s"),
            ("processor time for judging one", gpgv.MAX_CPU_SECONDS, "s"),
            ("memory for judging one", gpgv.MAX_MEMORY_BYTES, "bytes"),
            ("signatures that are judged for one release", verifier.MAX_CANDIDATES, ""),
            ("signatures of a release that a store at an address is asked for", address_store.MAX_NUMBER, ""),
            ("time for asking it for one", address_store.ASK_SECONDS, "s"),
            (
                "releases in a row without an answer after which a round asks no more",
                examining.MAX_FAILURES_IN_A_ROW,
                "",
            ),
            ("files of a directory or an archive of signatures", collecting.MAX_FILES, ""),
            ("all signatures of a source, an archive unpacked", collecting.MAX_TOTAL_BYTES, "bytes"),
            ("file of ConfigMaps", collecting.MAX_MANIFEST_BYTES, "bytes"),
            ("ConfigMaps of a file", config_map.MAX_OBJECTS, ""),
            ("layer of an image of signatures", image_store.MAX_LAYER_BYTES, "bytes"),
            ("ConfigMap that is written, unless one signature is larger", packing.APPLIED_BYTES, "bytes"),
            ("time for signing one release", signing.SIGN_SECONDS, "s"),
            ("verified digests that are remembered", signed.MAX_REMEMBERED, ""),
        ),
    ),
    (
        "Graph data",
        (
            ("list of promoted versions", promotion.MAX_LIST_BYTES, "bytes"),
            ("lines with a * of all such lists", promotion.MAX_PATTERNS, ""),
            ("file", files.MAX_FILE_BYTES, "bytes"),
            ("files of a set", files.MAX_FILES, ""),
            ("set", files.MAX_TOTAL_BYTES, "bytes"),
            ("tarball, unpacked", tarball.MAX_INFLATED_BYTES, "bytes"),
            ("entries of a tarball", tarball.MAX_ENTRIES, ""),
            ("time to read a set", directory.READ_SECONDS, "s"),
            ("tarball at an address", address.MAX_DOWNLOAD_BYTES, "bytes"),
            ("time to fetch it", address.DOWNLOAD_SECONDS, "s"),
            ("layers of an image together, as transferred", image.MAX_IMAGE_BYTES, "bytes"),
            ("layer of an image, unpacked", layer.MAX_INFLATED_BYTES, "bytes"),
            ("layers of an image together, unpacked", image.MAX_INFLATED_IMAGE_BYTES, "bytes"),
            ("entries of a layer", layer.MAX_ENTRIES, ""),
            ("files and directories at the place of the graph data", tree.MAX_NODES, ""),
            ("listing of a commit", git.MAX_LISTING_BYTES, "bytes"),
            ("time to find a revision", git.LOOK_SECONDS, "s"),
            ("time for a command of git that reads a set", git.READ_SECONDS, "s"),
            ("what is fetched from a git repository elsewhere", git_remote.MAX_PACK_BYTES, "bytes"),
            ("time to ask a git repository elsewhere for a revision", git_remote.ASK_SECONDS, "s"),
            ("time to fetch a commit from it", git_remote.FETCH_SECONDS, "s"),
            ("silence of its connection", git_workplace.STALL_SECONDS, "s"),
            ("nesting of YAML", yaml.MAX_DEPTH, "levels"),
            ("values of a YAML file, aliases followed", yaml.MAX_NODES, ""),
            ("pattern", pattern.MAX_PATTERN_LENGTH, "characters"),
            ("compiled pattern", pattern.MAX_PROGRAM_BYTES, "bytes"),
            ("version", version.MAX_VERSION_LENGTH, "characters"),
            ("query of a risk that is judged", promql.MAX_QUERY_CHARACTERS, "characters"),
            ("all patterns of a set that is checked, compiled", pattern_set.MAX_PROGRAM_BYTES, "bytes"),
            ("file of accepted warnings", baseline.MAX_BASELINE_BYTES, "bytes"),
            ("configuration of a base image", base_image.MAX_CONFIG_BYTES, "bytes"),
        ),
    ),
    (
        "Signatures of cosign",
        (
            ("signatures of an image that are looked at", finding.MAX_SIGNATURES, ""),
            ("of these in one image", cosign_signature.MAX_LAYERS, ""),
            ("payload", payload.MAX_PAYLOAD_BYTES, "bytes"),
            ("signature, in base64", cosign_signature.MAX_SIGNATURE_CHARACTERS, "characters"),
            ("file of keys", public_keys.MAX_KEY_FILE_BYTES, "bytes"),
            ("keys in it", public_keys.MAX_KEYS, ""),
            ("memory to open a locked key of cosign", key_box.MAX_SCRYPT_BYTES, "bytes"),
        ),
    ),
    (
        "The service",
        (
            ("configuration file", origins.MAX_FILE_BYTES, "bytes"),
            ("saved scrape", saved.MAX_BYTES, "bytes"),
            ("releases of a saved scrape", saved.MAX_RELEASES, ""),
            ("manifest of a bundle", bundle_manifest.MAX_BYTES, "bytes"),
            ("files of a bundle", bundle_manifest.MAX_FILES, ""),
            ("graph data in a bundle, compressed", bundle_reading.MAX_GRAPH_DATA_BYTES, "bytes"),
            ("signatures in a bundle", bundle_reading.MAX_SIGNATURES_BYTES, "bytes"),
            ("time to read what is served of a bundle", bundle_reading.READ_SECONDS, "s"),
            ("graph of an upstream server", upstream.MAX_DOCUMENT_BYTES, "bytes"),
            ("time to fetch it", upstream.TIMEOUT_SECONDS, "s"),
            ("findings of one kind that are made of it", wire.MAX_TOLD, ""),
            ("snapshot of another replica", siblings.MAX_SNAPSHOT_BYTES, "bytes"),
            ("time to fetch it", siblings.SNAPSHOT_SECONDS, "s"),
            ("addresses of other replicas that are asked", siblings.MAX_ADDRESSES, ""),
            ("time for the first word of each", siblings.OFFER_SECONDS, "s"),
            ("account of a further serving process", crew.MAX_ACCOUNT_BYTES, "bytes"),
            ("findings that are kept of a graph, gravest first", snapshot.MAX_FINDINGS, ""),
        ),
    ),
    (
        "Logging in, and clusters",
        (
            ("password that is read from standard input", passwords.MAX_PASSWORD_BYTES, "bytes"),
            ("wait for another program that writes the auth file", auth_writing.LOCK_SECONDS, "s"),
            ("ConfigMap of authorities", trusted_ca.MAX_BYTES, "bytes"),
            ("kubeconfig", kube_configuration.MAX_FILE_BYTES, "bytes"),
            ("time for a login program of a kubeconfig", exec_login.LOGIN_SECONDS, "s"),
            ("its answer", exec_login.MAX_OUTPUT_BYTES, "bytes"),
            ("time to connect to an API server", kube_connection.CONNECT_SECONDS, "s"),
            ("time for an answer of it", kube_connection.ANSWER_SECONDS, "s"),
            ("answer of it", kube_connection.MAX_ANSWER_BYTES, "bytes"),
            ("requests to it at a time, watches not counted", kube_exchange.MAX_AT_ONCE, ""),
            ("page of a list of objects", kube_exchange.MAX_PAGE_BYTES, "bytes"),
            ("objects of one list", kube_client.MAX_OBJECTS, ""),
            ("time after which a kind that is away is taken for gone", kube_informer.GONE_SECONDS, "s"),
            ("event of a watch", kube_exchange.MAX_LINE_BYTES, "bytes"),
            ("silence of a watch before it is begun anew", kube_exchange.IDLE_SECONDS, "s"),
            ("wait between attempts to watch", kube_informer.RECONNECT.most, "s"),
            ("attempts of a request that is turned away (429)", kube_exchange.MAX_TURNED_AWAY, ""),
            ("wait before such an attempt", kube_exchange.MAX_PATIENCE_SECONDS, "s"),
            ("work of an operator on one object", kube_queue.WORK_SECONDS, "s"),
            ("wait before an object that failed is tried again", kube_queue.RETRY.most, "s"),
            ("the same where the cluster was away or refused the login", kube_queue.AWAY_SECONDS, "s"),
            ("Events of an operator that wait to be written", kube_events.MAX_WAITING, ""),
            ("Events of one object in a row", kube_events.BURST, ""),
        ),
    ),
    (
        "Finding out why",
        (
            ("report of another service", status_fetching.MAX_REPORT_BYTES, "bytes"),
            ("time to fetch it", status_fetching.FETCH_SECONDS, "s"),
            ("time for all checks of `upgraph doctor` together", doctor_running.TOTAL_SECONDS, "s"),
            ("time for a check, unless it reads much", STEP_SECONDS, "s"),
            ("time to connect to an address of a server", doctor_host.CONNECT_SECONDS, "s"),
            ("time to list the tags of a source", doctor_images.TAGS_SECONDS, "s"),
            ("tags that are looked at until a release is met", doctor_images.TRIED_TAGS, ""),
            (
                "configuration of an image that is fetched to see whether blobs can be",
                one_image.MAX_CONFIG_BYTES,
                "bytes",
            ),
        ),
    ),
)
