"""The commands that mend a fault and those that show that it is mended, by the reference of its problem. Pure.

What stands in capitals has to be filled in by whoever runs them; what is known (hosts, files) is filled in here.
The commands for a cluster are those that the operator of the OpenShift Update Service documents.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

_CASE = re.compile(r"-(authority|name|dates|remote|proxy|plain|tls)$")
"""What is added to a reference for a case that is mended in another way."""
_CAPITALS: Mapping[str, str] = {
    "host": "HOST",
    "port": "PORT",
    "place": "HOST:PORT",
    "host_port": "HOST:PORT",
    "alternative_name": "DNS:HOST",
    "config_key": "HOST..PORT",
    "url": "https://HOST:PORT/v2/",
    "repository": "HOST:PORT/REPOSITORY",
    "proxy": "http://PROXY:PORT",
    "next": "HOST",
    "file": "PLACE",
    "user": "USER",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """Commands, with ``$host`` and the like in the place of what depends on the case."""

    repair: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()


_ASK = "curl -sS -o /dev/null -w '%{http_code}\\n' $url"
_OFFERED = "openssl s_client -connect $place -servername $host -showcerts </dev/null"
_AROUND = "export NO_PROXY=$$NO_PROXY,$host"
_PROXY = "export HTTPS_PROXY=http://PROXY:PORT   # where the proxy is"
_LOOK = "upgraph trust explain $host_port   # all that the server shows, and what is missing"
_LOGIN = Advice(
    (
        "upgraph registry login --to auth.json $host_port",
        "upgraph serve --authfile auth.json ...",
        "upgraph pull-secret append --from auth.json   # in a cluster",
    ),
    ("upgraph registry check --authfile auth.json $repository",),
)

_IMAGE = Advice(
    (
        "oc adm release mirror RELEASE --to=$repository --to-release-image=$repository:TAG   # mirror it again",
    ),
    ("upgraph release info docker://$repository:TAG",),
)
_BUNDLE = Advice(
    (
        "upgraph bundle create --releases SOURCE --graph-data SOURCE -o $file   # where it was made, and copy it again",
    ),
    ("upgraph bundle check $file",),
)

_ADVICE: Mapping[str, Advice] = {
    "name-unresolved": Advice(
        (
            "cat /etc/resolv.conf   # the name servers that are asked; one of them has to know $next",
            "echo 'ADDRESS $next' >> /etc/hosts   # where no name server can be changed",
        ),
        ("getent hosts $next",),
    ),
    "name-unresolved-proxy": Advice(
        (
            _PROXY,
            "cat /etc/resolv.conf   # the name servers that are asked; one of them has to know $next",
            _AROUND,
        ),
        ("getent hosts $next",),
    ),
    "connect-failed": Advice(
        (
            "ss -ltn   # on $host: does anything listen on port $port?",
            "oc describe networkpolicy -n NAMESPACE   # in a cluster: is egress to $host_port allowed?",
        ),
        ("timeout 5 bash -c '</dev/tcp/$host/$port' && echo open",),
    ),
    "registry-untrusted": Advice(
        (f"{_OFFERED}   # what the server shows",),
        (_ASK,),
    ),
    "registry-untrusted-authority": Advice(
        (
            _LOOK,
            f"{_OFFERED}   # the same without Upgraph",
            "upgraph serve --ca AUTHORITY.pem ...   # the authority that is missing, from those who run the server",
            (
                "upgraph trust configmap --registry $host_port=AUTHORITY.pem --update-service AUTHORITY.pem"
                " --name registry-ca | oc apply -f -"
            ),
            (
                "oc patch image.config.openshift.io/cluster --type=merge"
                """ -p '{"spec":{"additionalTrustedCA":{"name":"registry-ca"}}}'"""
            ),
        ),
        ("curl --cacert AUTHORITY.pem -sS -o /dev/null -w '%{http_code}\\n' $url",),
    ),
    "registry-untrusted-name": Advice(
        (
            "upgraph serve --releases docker://NAME-IN-THE-CERTIFICATE/PATH ...   # call it by a name that it has",
            (
                "openssl req -new -key SERVER.key -subj /CN=$host -addext subjectAltName=$alternative_name -out SERVER.csr"
                "   # or have it issued for $host"
            ),
        ),
        (f"{_OFFERED} | openssl x509 -noout -ext subjectAltName",),
    ),
    "registry-untrusted-dates": Advice(
        (
            "date -u   # is the clock of this machine right?",
            "curl -ksSI $url | grep -i '^date'   # what the server says; it cannot be proven now",
            "timedatectl set-ntp true   # if ours is wrong",
            f"{_OFFERED} | openssl x509 -noout -subject -issuer   # if it is right: who has to issue it anew",
        ),
        (f"{_OFFERED} | openssl x509 -noout -dates",),
    ),
    "certificate-ending": Advice(
        (
            "openssl x509 -in $file -noout -subject -issuer -dates   # which one it is, and who has to issue it",
        ),
        ("openssl x509 -in $file -noout -checkend 1209600",),
    ),
    "certificate-ending-remote": Advice(
        (f"{_OFFERED} | openssl x509 -noout -subject -issuer   # who has to issue it anew",),
        (f"{_OFFERED} | openssl x509 -noout -checkend 1209600",),
    ),
    "certificate-unusable": Advice(
        (
            "openssl x509 -noout -pubkey -in $file",
            "openssl pkey -pubout -in KEY   # prints the same text if it is the key of the certificate",
        ),
        ("openssl x509 -noout -in $file -dates",),
    ),
    "proxy-unreachable": Advice((_PROXY, _AROUND), ("curl -v -x $proxy -sS -o /dev/null $url",)),
    "proxy-refused": Advice((_AROUND,), ("curl -v -x $proxy -sS -o /dev/null $url",)),
    "proxy-login": Advice(
        ("export HTTPS_PROXY=http://USER:PASSWORD@PROXY:PORT   # @ in a password as %40, : as %3A", _AROUND),
        ("curl -v -x $proxy -sS -o /dev/null $url",),
    ),
    "proxy-setting": Advice(("export HTTPS_PROXY=http://PROXY:PORT   # or: unset HTTPS_PROXY HTTP_PROXY",)),
    "proxy-exemption": Advice(("export NO_PROXY=registry.example,.site.example,192.0.2.0/24",)),
    "registry-unauthorized": _LOGIN,
    "registry-forbidden": _LOGIN,
    "registry-token": Advice(
        ("curl -sSI $url | grep -i www-authenticate   # names the token service (realm) that is not usable",),
        (_ASK,),
    ),
    "registry-repository-missing": Advice(
        (
            "oc adm release mirror --to=$repository ...   # or: oc mirror ..., which names where it put releases",
        ),
        ("skopeo list-tags docker://$repository",),
    ),
    "registry-answer": Advice(("curl -sSi $url   # a registry answers 200 or 401, with JSON",), (_ASK,)),
    "registry-answer-tls": Advice(
        ("upgraph serve --releases docker://$repository ...",),
        ("curl -sS -o /dev/null -w '%{http_code}\\n' https://$host_port/v2/",),
    ),
    "registry-unreachable": Advice(
        ("curl -vsS -o /dev/null $url   # where it ends: at the connection, the handshake or the answer",),
        (_ASK,),
    ),
    "registry-unreachable-plain": Advice(
        (
            "upgraph serve --releases docker+http://$host_port/PATH ...   # if the registry is meant to have no TLS",
            "ss -ltnp   # on $host: or does the registry with TLS listen on another port?",
        ),
        ("curl -sS -o /dev/null -w '%{http_code}\\n' http://$host_port/v2/",),
    ),
    "registry-timeout": Advice(
        ("curl -sS -o /dev/null -w '%{time_total} s\\n' $url   # slow, or no answer at all?",), (_ASK,)
    ),
    "registry-fault": Advice(
        ("curl -sSi $url   # what it says; its own log has the reason, and its disk may be full",), (_ASK,)
    ),
    "registry-throttled": Advice(
        (
            "upgraph serve --concurrency 2 --scrape-interval 30m ...   # ask less often",
            "upgraph registry login --to auth.json $host_port   # accounts often may ask more than strangers",
        ),
        (_ASK,),
    ),
    "oci-manifest": _IMAGE,
    "oci-image-missing": _IMAGE,
    "oci-content-missing": _IMAGE,
    "oci-digest-mismatch": _IMAGE,
    "layer-unreadable": _IMAGE,
    "release-metadata-missing": _IMAGE,
    "release-metadata-invalid": _IMAGE,
    "oci-credential-helper": Advice(
        (
            "echo $host_port | docker-credential-NAME get > /dev/null && echo works   # the helper that the file names",
            "upgraph registry login --to auth.json $host_port   # a file without a helper",
        ),
        ("upgraph registry check --authfile auth.json $repository",),
    ),
    "releases-empty": Advice(
        ("oc adm release mirror RELEASE --to=$repository --to-release-image=$repository:TAG",),
        ("skopeo list-tags docker://$repository",),
    ),
    "release-not-met": Advice(
        ("skopeo list-tags docker://$repository   # is this where release images are, or their components?",),
        ("skopeo inspect --config docker://$repository:TAG | grep io.openshift.release",),
    ),
    "oci-auth-file": Advice(
        (
            "upgraph registry login --to auth.json HOST",
            (
                "oc get secret/pull-secret -n openshift-config"
                " --template='{{index .data \".dockerconfigjson\" | base64decode}}' > auth.json"
            ),
        ),
        ("python3 -m json.tool auth.json > /dev/null && echo valid",),
    ),
    "oci-ca": Advice(
        ("openssl x509 -in FILE -noout -subject   # a PEM file begins with -----BEGIN CERTIFICATE-----",),
    ),
    "clock-skew": Advice(
        ("date -u", "timedatectl set-ntp true   # or chronyc makestep; on the machine whose clock is wrong"),
        ("curl -sSI $url | grep -i '^date'; date -u",),
    ),
    "state-unwritable": Advice(
        ("install -d -o $user -m 0750 $file",),
        ("test -w $file && echo writable",),
    ),
    "signatures-unreadable": Advice(("chmod -R a+rX $file",), ("ls -la $file",)),
    "gpgv-unusable": Advice(("apt-get install gpgv   # or: dnf install gnupg2",), ("gpgv --version",)),
    "keyring-invalid": Advice((), ("upgraph signatures keyring show $file",)),
    "promotion-invalid": Advice((), ("cat -n $file",)),
    "disk-low": Advice(("df -h $file", "du -xh $file | sort -h | tail"), ("df -h $file",)),
    "files-limit": Advice(
        ("systemctl edit upgraph   # [Service] LimitNOFILE=65536", "podman run --ulimit nofile=65536 ..."),
        ("ulimit -Hn",),
    ),
    "listen-failed": Advice(("ss -ltnp 'sport = :$port'   # who holds it",), ("ss -ltn 'sport = :$port'",)),
    "payload-doubtful": Advice(("upgraph serve --payload-repository registry.example:5000/ocp/release ...",)),
    "graph-data-source": Advice((), ("ls -la $file",)),
    "graph-data-layout": Advice(
        ("tar xzf graph-data.tar.gz -C $file   # version, channels/, blocked-edges/, raw/metadata.json",),
        ("ls $file/version $file/channels $file/blocked-edges",),
    ),
    "graph-data-unreadable": Advice((), ("ls -la $file",)),
    "graph-data-download": Advice((), ("curl -sS -o /dev/null -w '%{http_code} %{content_type}\\n' $url",)),
    "graph-data-git": Advice((), ("git -C $file log -1 --oneline",)),
    "graph-data-git-missing": Advice(("apt-get install git   # or: dnf install git",), ("git --version",)),
    "oci-layout": Advice(
        ("skopeo copy --all docker://REGISTRY/REPOSITORY:TAG oci:$file:TAG",),
        ("ls $file/oci-layout $file/index.json $file/blobs",),
    ),
    "oci-archive": Advice(
        ("skopeo copy --all docker://REGISTRY/REPOSITORY:TAG oci-archive:$file:TAG",),
        ("tar tf $file oci-layout index.json",),
    ),
    "oci-directory": Advice(
        ("skopeo copy --all docker://REGISTRY/REPOSITORY:TAG dir:$file/TAG",), ("ls $file/*/manifest.json",)
    ),
    "scrape-invalid": Advice(
        ("upgraph scrape docker://REGISTRY/REPOSITORY --output $file",),
        ("python3 -m json.tool $file > /dev/null && echo complete",),
    ),
    "bundle-invalid": _BUNDLE,
    "bundle-damaged": _BUNDLE,
    "bundle-mismatch": _BUNDLE,
}


def advice(topic: str, words: Mapping[str, str]) -> Advice:
    """The commands for a topic; those in which something would stay open are left out.

    Args:
        topic: the reference of a problem, or a special case of it.
        words: what stands for ``$host`` and the like, quoted for a shell.
    """
    found = _ADVICE.get(topic, Advice())
    return Advice(_filled(found.repair, words), _filled(found.verify, words))


def _filled(commands: tuple[str, ...], words: Mapping[str, str]) -> tuple[str, ...]:
    made = []
    for command in commands:
        try:
            made.append(Template(command).substitute(words))
        except KeyError:
            # What it is about is not known here.
            continue
    return tuple(made)


def documented(reference: str) -> Advice:
    """The commands for a problem in all its cases, with words in capitals for what depends on the case."""
    fitting = [topic for topic in _ADVICE if topic == reference or _CASE.sub("", topic) == reference]
    found = [advice(topic, _CAPITALS) for topic in fitting]
    repair = dict.fromkeys(command for one in found for command in one.repair)
    verify = dict.fromkeys(command for one in found for command in one.verify)
    return Advice(tuple(repair), tuple(verify))


def topics() -> tuple[str, ...]:
    """Everything there are commands for, sorted."""
    return tuple(sorted(_ADVICE))
