"""Problems of the oci room: names of images, registries, trust, credentials and layouts."""

from upgraph.errors.problem import Problem

INVALID_REPOSITORY = Problem(
    "oci-repository",
    "The name of a repository is not valid.",
    "A repository is read, and named in every update that clusters get, exactly as it is written. "
    "A name with a tag, without a host or with a wrong port would lead nowhere or to another registry.",
    "Write docker://host[:port]/path/of/repository without tag or digest, or docker+http://... for a registry "
    "without TLS. A pull spec has the same form without docker://.",
)
INVALID_IMAGE_NAME = Problem(
    "oci-image-name",
    "The name of an image cannot be used",
    "An image has to be named exactly, so that no other one is read or written instead of it.",
    "Write docker://HOST/REPOSITORY:TAG, docker://HOST/REPOSITORY@sha256:DIGITS, oci:DIRECTORY:TAG, "
    "oci-archive:FILE:TAG or dir:DIRECTORY.",
)
INVALID_DIGEST = Problem(
    "oci-digest",
    "A digest is not valid.",
    "Content is found and verified by its digest, so a digest that cannot be checked cannot be used.",
    "Use sha256:<64 lower case hex digits> or sha512:<128 lower case hex digits>. "
    "If the value comes from a registry or a layout, mirror the image again.",
)
DIGEST_MISMATCH = Problem(
    "oci-digest-mismatch",
    "Content does not match its digest.",
    "The content was damaged or replaced on its way. It is not used, because a digest is the only proof that "
    "an image is the one that was published.",
    "Mirror the image again. If it happens again, look for a proxy that changes answers and check the storage of "
    "the registry.",
)
INVALID_MANIFEST = Problem(
    "oci-manifest",
    "A manifest is not valid.",
    "Without a valid manifest the layers of the image are not known, so a release in it cannot be read.",
    "Look at the image with skopeo inspect --raw, then push or mirror it again.",
)
MANIFEST_SCHEMA1 = Problem(
    "oci-manifest-schema1",
    "The image uses the manifest format of Docker schema 1.",
    "This format is obsolete. Its digests do not cover the whole image, so clusters and registries refuse it.",
    "Copy the image with skopeo copy --format v2s2, which writes the present format.",
)
TOO_LARGE = Problem(
    "oci-too-large",
    "An answer or a file is larger than is accepted.",
    "Every read has a limit, so that a faulty or hostile peer cannot fill the memory.",
    "Check that the repository holds release images. A manifest may have 4 MiB, a page of tags 16 MiB, the index of "
    "a layout 64 MiB.",
)
IMAGE_MISSING = Problem(
    "oci-image-missing",
    "The image is not there.",
    "The tag or digest was deleted, or was never mirrored. A release that is gone is no longer offered to clusters.",
    "Compare repository and tag with what is there; a name without a tag means latest. If clusters shall get this "
    "release and it is gone, mirror it again.",
)
CONTENT_MISSING = Problem(
    "oci-content-missing",
    "A part of an image is not there.",
    "A manifest names content that the source does not have, so the image is incomplete and no cluster could pull it.",
    "Mirror the image again, with all of its architectures and layers.",
)
INVALID_LAYOUT = Problem(
    "oci-layout",
    "The directory is not a usable OCI layout.",
    "A layout is a directory with oci-layout, index.json and blobs/. Nothing is read from a layout whose index cannot "
    "be trusted, because a part of a listing looks like deleted releases.",
    "Check the path. Write the layout again, for example with skopeo copy docker://... oci:path:tag.",
)
LAYOUT_ENTRY = Problem(
    "oci-layout-entry",
    "An image in the index of an OCI layout cannot be used.",
    "An entry of index.json does not say clearly which image it means, so a guess could offer the wrong release to "
    "clusters. Only this image is concerned; what was known of it before stays in force.",
    "Take the entry out of index.json or write the image into the layout again, for example with "
    "skopeo copy docker://... oci:path:tag. A tag may stand there twice only if both have the same digest.",
)
INVALID_ARCHIVE = Problem(
    "oci-archive",
    "The file is not a usable OCI archive.",
    "An OCI archive is an uncompressed tar file with oci-layout, index.json and blobs/ at its top. A file that is cut "
    "off, changes while it is read, or that two programs could read differently is not used; what was read before "
    "stays in force.",
    "Compare the checksum with the original and copy the file again, beside its place, then rename it. Decompress a "
    "compressed one. Write it anew with skopeo copy --all docker://... oci-archive:path:tag, or "
    "tar cf path -C LAYOUT oci-layout index.json blobs.",
)
INVALID_DIRECTORY = Problem(
    "oci-directory",
    "The directory does not hold images as skopeo writes them.",
    "Such a directory has manifest.json, version and the blobs of one image, or has only subdirectories that do. "
    "What is not one could be a mount that is missing, so it is not taken for a place without releases.",
    "Check the path and that the disk is mounted. Write an image with skopeo copy --all docker://... dir:path/tag; "
    "an OCI layout (with oci-layout and index.json) is named oci:path instead.",
)
DIRECTORY_ENTRY = Problem(
    "oci-directory-entry",
    "An image in a directory of images cannot be used.",
    "The subdirectory was meant to hold an image but is not complete, like a copy that was broken off. Only this "
    "image is concerned; what was known of it before stays in force.",
    "Copy it again, with skopeo copy --all docker://... dir:path/tag, or remove the subdirectory.",
)
MIRRORS_INVALID = Problem(
    "oci-mirrors",
    "A list of mirrors cannot be used.",
    "A rule that is not understood could let the service contact a registry that the site has blocked, so it does "
    "not start with one, and keeps the rules that it has when a file changes into one.",
    "Correct the named file. It is a registries.conf of version 2 (its name ends in .conf or .toml), or YAML with "
    "ImageDigestMirrorSet, ImageTagMirrorSet or ImageContentSourcePolicy, as oc-mirror writes it into cluster-resources.",
)
MIRROR_FAILED = Problem(
    "mirror-failed",
    "A repository was read from another place than the first.",
    "A mirror failed or lacks an image, and the next place answered. Releases go on being read, but the next place may "
    "hold others, be slower or cost a line that should not be used.",
    "Repair or fill the named mirror, or take it out of the list of mirrors.",
)
MIRRORS_FAILED = Problem(
    "mirrors-failed",
    "None of the places of a repository could answer.",
    "Neither the mirrors nor the source gave what was asked for. What was read before stays in force.",
    "Look at what was seen at each place, and mend the first of them. A source that cannot be reached from here "
    "should be marked blocked (registries.conf) or NeverContactSource, so that it is not waited for.",
)
AUTH_FILE = Problem(
    "oci-auth-file",
    "The file with registry credentials cannot be used.",
    "Without it private registries refuse to answer. If the file was usable before, its last good reading stays in force.",
    "Use the file that podman login, docker login or a cluster pull secret gives: JSON with an object named auths; or "
    "the directory that the secret is mounted to. Check that the service may read it. A file that was only found and "
    "is not meant is passed over with --no-authfile-search.",
)
CREDENTIAL_HELPER = Problem(
    "oci-credential-helper",
    "A credential helper gives no login.",
    "The file with credentials says that this program has the login of the registry (credHelpers or credsStore), so "
    "none is looked for elsewhere and the registry is not asked.",
    "Run echo -n HOST | docker-credential-NAME get as the user of the service, with the same PATH. If the service "
    "cannot have the program, log in with upgraph registry login --to FILE HOST and give that file with --authfile.",
)
CA_BUNDLE = Problem(
    "oci-ca",
    "The certificates to trust cannot be used.",
    "Without the certificate of your authority, connections to the registry are refused. If the certificates were "
    "usable before, the last good ones stay in force.",
    "Give a PEM file, a directory with *.pem or *.crt files, or a mounted ConfigMap with the keys "
    "updateservice-registry or HOST..PORT. A certificate stands between -----BEGIN CERTIFICATE----- and "
    "-----END CERTIFICATE-----.",
)
SYSTEM_TRUST = Problem(
    "oci-system-trust",
    "A variable names certificates of the system that cannot be read.",
    "SSL_CERT_FILE and SSL_CERT_DIR replace the certificates of the system. If what they name is not there, no public "
    "authority is trusted, which shows only later, as certificates that are refused.",
    "Correct the variable or unset it. Authorities of your own are better given with --ca.",
)
PROXY_SETTING = Problem(
    "proxy-setting",
    "A variable names no proxy that can be used.",
    "Every program of this process' environment is meant to go through this proxy, so going round it is not tried.",
    "Write HTTP_PROXY and HTTPS_PROXY as http://[USER:PASSWORD@]HOST:PORT or https://.... Characters such as @ and : "
    "in a password are written as %40 and %3A. SOCKS is not supported; unset the variable to connect directly.",
)
PROXY_EXEMPTION = Problem(
    "proxy-exemption",
    "An entry of NO_PROXY can never match.",
    "Hosts that it was meant for are asked for through the proxy, which may not know them.",
    "Write names (example.com, .example.com), addresses (192.0.2.1, [2001:db8::1]:443) or networks (192.0.2.0/24), "
    "without scheme and path, separated by commas.",
)
PROXY_UNREACHABLE = Problem(
    "proxy-unreachable",
    "The proxy cannot be reached.",
    "Nothing behind the proxy can be read now. What was read before stays in force.",
    "Check the proxy and the variable that names it. If the host is to be reached directly, add it to NO_PROXY.",
)
PROXY_LOGIN = Problem(
    "proxy-login",
    "The proxy wants another login.",
    "Nothing behind the proxy can be read until it lets us in. What was read before stays in force.",
    "Put user and password into the variable that names the proxy, as http://USER:PASSWORD@HOST:PORT, with @ and : "
    "in them written as %40 and %3A. Only Basic is supported. If the host is to be reached directly, add it to NO_PROXY.",
)
PROXY_REFUSED = Problem(
    "proxy-refused",
    "The proxy does not connect to the host.",
    "The proxy forbids the host or port, or cannot reach it itself.",
    "Have the proxy allow CONNECT to this host and port. If the host is to be reached directly, add it to NO_PROXY.",
)
ADDRESS = Problem(
    "download-address",
    "An address to download from is not valid.",
    "Only http and https addresses can be downloaded from.",
    "Write https://HOST[:PORT]/PATH.",
)
DOWNLOAD = Problem(
    "download-status",
    "A server does not give what was asked for.",
    "What is at this address cannot be read now. What was read before stays in force.",
    "Check the address, with curl for example, and what the server says about it in its log.",
)
UNTRUSTED = Problem(
    "registry-untrusted",
    "The certificate of a server is not trusted.",
    "Whoever answers cannot prove to be the registry, so neither credentials nor releases pass.",
    "Give the certificate of the authority that is missing with --ca. If the name or the dates are wrong, replace the "
    "certificate of the server or correct the clock of this machine. Certificates that are given anew count at once.",
)
UNAUTHORIZED = Problem(
    "registry-unauthorized",
    "The registry refuses the credentials, or wants some.",
    "Releases cannot be read until the registry lets us in. What was read before stays in force.",
    "Log in with upgraph registry login --to FILE HOST and give the file with --authfile. "
    "Check that the account may pull from the repository.",
)
FORBIDDEN = Problem(
    "registry-forbidden",
    "The registry does not allow this account to read.",
    "Releases cannot be read until the account may pull. What was read before stays in force.",
    "Give the account the right to pull from the repository.",
)
REPOSITORY_MISSING = Problem(
    "registry-repository-missing",
    "The registry does not know the repository.",
    "No release can be listed. Many registries also answer so when an account may not see the repository.",
    "Check the path of the repository, and that the account may pull from it.",
)
THROTTLED = Problem(
    "registry-throttled",
    "The registry asks for fewer requests.",
    "The registry limits requests in a span of time. Reading goes on later; what was read before stays in force.",
    "Log in with an account that has a higher limit, lower the concurrency, or scrape less often.",
)
UNREACHABLE = Problem(
    "registry-unreachable",
    "A server cannot be reached or broke off.",
    "Releases cannot be read now. What was read before stays in force.",
    "Check the name, the port, the network and that the registry runs. A registry without TLS must be named with "
    "docker+http://.",
)
TIMEOUT = Problem(
    "registry-timeout",
    "A server did not answer in time.",
    "Releases cannot be read now. What was read before stays in force.",
    "Check the load of the registry and of the network between.",
)
SERVER_FAULT = Problem(
    "registry-fault",
    "A server answered with an error.",
    "Releases cannot be read now. What was read before stays in force.",
    "Look into the logs of the registry, or of the proxy before it, at the named path.",
)
BROKEN_ANSWER = Problem(
    "registry-answer",
    "A server gave an answer that breaks the rules of the registry protocol.",
    "An answer that contradicts itself or the request cannot be trusted, so it is not used.",
    "Check that the address is a registry that speaks the distribution API v2, and that no proxy changes answers.",
)
BROKEN_LISTING = Problem(
    "registry-listing",
    "The list of tags cannot be read to its end.",
    "A part of a list looks like deleted releases. So an incomplete list is never used; the last good one stays.",
    "Look into the logs of the registry, or of the proxy before it, for requests of tags/list.",
)
REDIRECT = Problem(
    "registry-redirect",
    "A redirect is not followed.",
    "A redirect may not lead from https to http, round in circles or to no address. What comes over plain HTTP could "
    "be changed by anyone on the way.",
    "Correct the storage or proxy settings of the registry, so that it redirects to https addresses.",
)
TOKEN = Problem(
    "registry-token",
    "The token service of the registry did not give a usable token.",
    "The registry sends clients to this service for permission to read. Without a token nothing can be read.",
    "Check the token service (realm) that the registry is configured with: it must use https and answer with JSON that "
    "has token or access_token.",
)
INVALID_REFERENCE = Problem(
    "oci-reference",
    "A tag is not valid.",
    "A tag becomes a part of addresses. One with other characters than registries allow could lead to another place.",
    "A tag has at most 128 letters, digits, '_', '.' and '-', and begins with none of the last two. "
    "If the value comes from a registry, look for a proxy that changes answers.",
)
PUSH_DENIED = Problem(
    "registry-push-denied",
    "The registry does not let this account write.",
    "Nothing can be published in the repository. What it holds is as it was.",
    "Give the account the right to push to the repository. In registries with projects or namespaces, create the project "
    "first; a cache that fills itself from another registry takes no images at all.",
)
UPLOAD_REFUSED = Problem(
    "registry-upload-refused",
    "The registry does not take a blob.",
    "The images that consist of it are not published: an image with a part missing cannot be pulled.",
    "Look into the log of the registry, and of the proxy before it, at the named path. A quota may be used up, or a proxy "
    "may limit the size of requests (client_max_body_size of nginx).",
)
MANIFEST_REFUSED = Problem(
    "registry-manifest-refused",
    "The registry does not take a manifest.",
    "Without its manifest an image cannot be pulled; its tag was not written.",
    "Check that the registry knows the named media type: old ones take no OCI manifests, and some take no indexes or "
    "signatures. Update the registry. skopeo copy --format v2s2 writes other types, and with them other digests, which "
    "no signature fits.",
)
TAG_TAKEN = Problem(
    "image-tag-taken",
    "The tag points to another image.",
    "Whoever pulls by this tag would get another image from one moment to the next, so nothing was sent for it.",
    "Choose another tag, or let the tag move with --overwrite. The image that it points to now stays, under its digest.",
)
INDEX_UNDECIDED = Problem(
    "image-index-undecided",
    "It was not said which images of an index to copy.",
    "Only a whole index keeps its digest, and signatures are made for digests. A part of it is another index.",
    "Give --all for the whole index, or --arch amd64,arm64 for a part of it.",
)
ARCHITECTURE_MISSING = Problem(
    "image-architecture-missing",
    "There is no image for an architecture.",
    "Nodes of this architecture could not run what was copied.",
    "Give architectures that the index has, in the words of Go: amd64, arm64, ppc64le, s390x.",
)
DESTINATION = Problem(
    "image-destination",
    "Images cannot be written there.",
    "What was asked for has no place to go to.",
    "Write to docker://HOST/REPOSITORY:TAG, oci:DIRECTORY:TAG or oci-archive:FILE:TAG.",
)
DISK = Problem(
    "image-disk",
    "The disk does not take what is written.",
    "Images that are not complete are not listed. What was written whole stays usable.",
    "Free space on the named file system, or check its rights, then start the same copy again: it goes on with what is missing.",
)
ARCHIVE_EXISTS = Problem(
    "image-archive-exists",
    "The archive is there already.",
    "An archive is written as one file, so writing to it would remove the images that it holds.",
    "Choose another name, or let the archive be replaced with --overwrite.",
)
BUSY_LAYOUT = Problem(
    "image-layout-busy",
    "Another process writes to the layout.",
    "Two that write the index of one layout would each lose the tags of the other.",
    "Wait until the other copy has ended.",
)
COPY_INCOMPLETE = Problem(
    "image-copy-incomplete",
    "Not all images were copied.",
    "What was copied is complete and usable. The images that are named with their errors are not there, or are as they were.",
    "Look at the error of each image. Start the same copy again when the causes are removed: what is there is not sent again.",
)
AMBIGUOUS_IMAGE = Problem(
    "image-ambiguous",
    "It is not clear which image is meant.",
    "A wrong guess would copy another image than the one that is needed.",
    "Name one image by its tag or digest, or all images of a repository with --all-tags and names without a tag.",
)
COPY_LIST = Problem(
    "image-list",
    "A list of images cannot be read.",
    "Nothing was copied, because what is missing of a list is noticed late.",
    "Write a line SOURCE DESTINATION for each image; # begins a comment.",
)
