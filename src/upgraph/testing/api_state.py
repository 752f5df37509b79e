"""What a simulated API server holds, and the rules by which it changes: versions, identities, history, ownership.

It computes and has no network. Kinds are those of :mod:`upgraph.kube.kinds` and those of the definitions that are created.
Defaults and schemas are not there, but for the few refusals of ConfigMaps that tests of clients need.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime

from upgraph.kube.kinds import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, KINDS, NAMESPACE
from upgraph.kube.objects import Key, Kind, Object, key_of, uid_of, version_of
from upgraph.testing import field_ownership
from upgraph.testing.field_ownership import FieldConflictError, Owners

STATUSLESS = frozenset(
    {
        "clusterrolebindings",
        "clusterroles",
        "configmaps",
        "endpointslices",
        "events",
        "ingressclasses",
        "leases",
        "rolebindings",
        "roles",
        "secrets",
        "serviceaccounts",
    }
)
"""Resources without a subresource for their status."""

_CONFIG_MAP_FIELDS = frozenset({"apiVersion", "kind", "metadata", "data", "binaryData", "immutable"})
_CONFIG_MAP_KEY = re.compile(r"[-._a-zA-Z0-9]+")


class DeniedError(Exception):
    """A request is refused.

    Args:
        code: the HTTP status.
        reason: the word of the API for it.
        message: what it says.
        details: what it says in fields.
    """

    def __init__(self, code: int, reason: str, message: str, details: Object | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details

    @property
    def document(self) -> Object:
        """The Status object."""
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "code": self.code,
        }
        return status if self.details is None else {**status, "details": self.details}


@dataclass(frozen=True, slots=True)
class Past:
    """One change of one object."""

    version: int
    kind: Kind
    old: Object | None
    new: Object | None


class ApiState:
    """Objects and their history."""

    def __init__(self) -> None:
        self.kinds = list(KINDS)
        self.version = 1000
        self.oldest = 1000
        """The version after which history is known."""
        self.history: list[Past] = []
        self.listeners: set[Callable[[], None]] = set()
        """Are called after each change."""
        self._objects: dict[Kind, dict[Key, Object]] = {}
        self._owners: dict[str, Owners] = {}

    def kind_at(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind that a path names."""
        wanted = (group, version, plural)
        return next((kind for kind in self.kinds if (kind.group, kind.version, kind.plural) == wanted), None)

    def all(self, kind: Kind) -> list[Object]:
        """The objects of a kind by key."""
        held = self._objects.get(kind, {})
        return [deepcopy(held[key]) for key in sorted(held)]

    def get(self, kind: Kind, key: Key) -> Object:
        """One object."""
        found = self._objects.get(kind, {}).get(key)
        if found is None:
            details = {"name": key.name, "group": kind.group, "kind": kind.plural}
            raise DeniedError(404, "NotFound", f'{kind} "{key.name}" not found', details)
        return deepcopy(found)

    def has(self, kind: Kind, key: Key) -> bool:
        """Whether an object is there."""
        return key in self._objects.get(kind, {})

    def create(self, kind: Kind, obj: Object, manager: str) -> Object:
        """Make an object."""
        key = key_of(obj)
        self._refuse_in_ending_namespace(kind, key)
        if self.has(kind, key):
            details = {"name": key.name, "group": kind.group, "kind": kind.plural}
            raise DeniedError(409, "AlreadyExists", f'{kind} "{key.name}" already exists', details)
        new = deepcopy(obj)
        if has_status(kind):
            new.pop("status", None)
        owners = field_ownership.updated({}, new, (manager, "Update", ""), {})
        return self._stored(kind, None, new, owners)

    def replace(self, kind: Kind, obj: Object, manager: str, *, status: bool = False) -> Object:
        """Put an object in the place of what is there."""
        old = self.get(kind, key_of(obj))
        _refuse_old(kind, old, obj)
        new = _part(old, obj, status=status) if has_status(kind) else deepcopy(obj)
        me = (manager, "Update", "status" if status else "")
        notes = new["metadata"].get("managedFields") or old["metadata"]["managedFields"]
        before = self._owners[uid_of(old)]
        if notes != old["metadata"]["managedFields"]:
            before = field_ownership.owners_of(notes)
        owners = field_ownership.updated(old, new, me, before)
        return self._stored(kind, old, new, owners)

    def merge(self, kind: Kind, key: Key, patch: Object, manager: str) -> Object:
        """Change an object by a merge patch."""
        return self.replace(kind, _patched(self.get(kind, key), patch), manager)

    def apply(self, kind: Kind, wanted: Object, manager: str, *, force: bool, status: bool = False) -> Object:
        """Change or make an object by server-side apply."""
        key = key_of(wanted)
        _refuse_untyped(kind, wanted)
        old = self.get(kind, key) if status or self.has(kind, key) else None
        if old is None:
            self._refuse_in_ending_namespace(kind, key)
        else:
            _refuse_old(kind, old, wanted)
        live = old or {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "metadata": {}}
        owners = self._owners.get(uid_of(live), {})
        said = _half(wanted, status=status) if has_status(kind) else wanted
        me = (manager, "Apply", "status" if status else "")
        try:
            new, owners = field_ownership.applied(live, said, me, owners, force=force)
        except FieldConflictError as error:
            raise _field_conflict(error) from error
        new["metadata"]["name"] = key.name
        return self._stored(kind, old, new, owners)

    def delete(self, kind: Kind, key: Key, uid: str | None = None) -> Object:
        """Delete an object and what it owns; what has finalizers waits for them."""
        old = self.get(kind, key)
        if uid is not None and uid != uid_of(old):
            message = f'Operation cannot be fulfilled on {kind} "{key.name}": Precondition failed: UID in precondition: {uid}, UID in object meta: {uid_of(old)}'
            raise DeniedError(409, "Conflict", message, {"name": key.name, "kind": kind.plural})
        if old["metadata"].get("finalizers"):
            new = deepcopy(old)
            new["metadata"].setdefault("deletionTimestamp", _stamp())
            return self._stored(kind, old, new, self._owners[uid_of(old)])
        self._removed(kind, key, old)
        return old

    def put(self, kind: Kind, obj: Object) -> Object:
        """Have an object as it is given, its status too, as if a controller of the cluster had written it."""
        key = key_of(obj)
        old = self.get(kind, key) if self.has(kind, key) else None
        new = deepcopy(obj)
        owners = self._owners.get(uid_of(old), {}) if old else {}
        return self._stored(
            kind, old, new, field_ownership.updated(old or {}, new, ("cluster", "Update", ""), owners)
        )

    def forget_history(self) -> None:
        """No longer know what has been: watches and pages of before now are told to begin again."""
        self.oldest = self.version
        self.history.clear()

    def _stored(self, kind: Kind, old: Object | None, new: Object, owners: Owners) -> Object:
        self._refuse_invalid(kind, new)
        key = key_of(new)
        metadata = new["metadata"]
        metadata["uid"] = uid_of(old) if old else str(uuid.uuid4())
        metadata["creationTimestamp"] = old["metadata"]["creationTimestamp"] if old else _stamp()
        metadata["generation"] = _generation(old, new)
        metadata["managedFields"] = field_ownership.managed_fields(owners, kind.api_version)
        self._owners[metadata["uid"]] = owners
        if old is not None:
            metadata["resourceVersion"] = version_of(old)
            if new == old:
                return deepcopy(old)
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            self._removed(kind, key, new)
            return new
        self.version += 1
        metadata["resourceVersion"] = str(self.version)
        self._objects.setdefault(kind, {})[key] = new
        self._know(kind, new)
        self._tell(kind, old, new)
        return deepcopy(new)

    def _removed(self, kind: Kind, key: Key, old: Object) -> None:
        self.version += 1
        del self._objects[kind][key]
        self._owners.pop(uid_of(old), None)
        gone = deepcopy(old)
        gone["metadata"]["resourceVersion"] = str(self.version)
        self._tell(kind, gone, None)
        for child_kind, child in list(self._children(kind, old)):
            if self.has(child_kind, key_of(child)):
                self.delete(child_kind, key_of(child))
        if kind == CUSTOM_RESOURCE_DEFINITION:
            self.kinds = [one for one in self.kinds if one not in _defined(old)]

    def _children(self, kind: Kind, old: Object) -> Iterator[tuple[Kind, Object]]:
        """What goes with an object: what it owns, what is in it, what it defines."""
        defined = _defined(old) if kind == CUSTOM_RESOURCE_DEFINITION else ()
        for each, held in list(self._objects.items()):
            for child in list(held.values()):
                owned = any(
                    one.get("uid") == uid_of(old) for one in child["metadata"].get("ownerReferences") or ()
                )
                inside = kind == NAMESPACE and key_of(child).namespace == old["metadata"]["name"]
                if owned or inside or each in defined:
                    yield each, child

    def _know(self, kind: Kind, new: Object) -> None:
        if kind == CUSTOM_RESOURCE_DEFINITION:
            self.kinds += [one for one in _defined(new) if one not in self.kinds]

    def _tell(self, kind: Kind, old: Object | None, new: Object | None) -> None:
        self.history.append(Past(self.version, kind, old, new))
        for listener in list(self.listeners):
            listener()

    def _refuse_in_ending_namespace(self, kind: Kind, key: Key) -> None:
        inside = Key("", key.namespace)
        if not self.has(NAMESPACE, inside) or not self.get(NAMESPACE, inside)["metadata"].get(
            "deletionTimestamp"
        ):
            return
        because = f"unable to create new content in namespace {key.namespace} because it is being terminated"
        cause = {"reason": "NamespaceTerminating", "message": because, "field": "metadata.namespace"}
        details = {"name": key.name, "kind": kind.plural, "causes": [cause]}
        raise DeniedError(403, "Forbidden", f'{kind} "{key.name}" is forbidden: {because}', details)

    @staticmethod
    def _refuse_invalid(kind: Kind, obj: Object) -> None:
        wrong = [
            key for key in obj.get("data") or {} if kind == CONFIG_MAP and not _CONFIG_MAP_KEY.fullmatch(key)
        ]
        if not wrong:
            return
        message = f"Invalid value: {wrong[0]!r}: a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        cause = {"reason": "FieldValueInvalid", "message": message, "field": f"data[{wrong[0]}]"}
        details = {"name": obj["metadata"]["name"], "kind": kind.kind, "causes": [cause]}
        text = f'{kind.kind} "{obj["metadata"]["name"]}" is invalid: data[{wrong[0]}]: {message}'
        raise DeniedError(422, "Invalid", text, details)


def has_status(kind: Kind) -> bool:
    """Whether a kind has a status that is written apart."""
    return kind.plural not in STATUSLESS


def refuse_unknown_fields(kind: Kind, obj: Object) -> None:
    """Refuse what a schema does not have, as a server that validates strictly; it has that of ConfigMaps."""
    unknown = sorted(obj.keys() - _CONFIG_MAP_FIELDS) if kind == CONFIG_MAP else []
    if unknown:
        message = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: strict decoding error: unknown field "{unknown[0]}"'
        raise DeniedError(400, "BadRequest", message)


def _refuse_untyped(kind: Kind, obj: Object) -> None:
    unknown = sorted(obj.keys() - _CONFIG_MAP_FIELDS) if kind == CONFIG_MAP else []
    if unknown:
        where = f"({key_of(obj)}; {kind.api_version}, Kind={kind.kind})"
        message = f"failed to create typed patch object {where}: .{unknown[0]}: field not declared in schema"
        raise DeniedError(500, "", message)


def _refuse_old(kind: Kind, old: Object, given: Object) -> None:
    key = key_of(old)
    version, uid = version_of(given), uid_of(given)
    if (version and version != version_of(old)) or (uid and uid != uid_of(old)):
        message = f'Operation cannot be fulfilled on {kind} "{key.name}": the object has been modified; please apply your changes to the latest version and try again'
        raise DeniedError(
            409, "Conflict", message, {"name": key.name, "group": kind.group, "kind": kind.plural}
        )


def _field_conflict(error: FieldConflictError) -> DeniedError:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{manager}"', "field": path}
        for manager, path in error.fields
    ]
    listed = ", ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    number = f"{len(causes)} conflict" + ("s" if len(causes) > 1 else "")
    return DeniedError(409, "Conflict", f"Apply failed with {number}: {listed}", {"causes": causes})


def _part(old: Object, given: Object, *, status: bool) -> Object:
    """What a write to one of the two halves of an object, its status and the rest, makes of it."""
    if status:
        kept = deepcopy(old)
        if "status" in given:
            kept["status"] = deepcopy(given["status"])
        return kept
    new = {name: deepcopy(value) for name, value in given.items() if name != "status"}
    return {**new, "status": deepcopy(old["status"])} if "status" in old else new


def _half(wanted: Object, *, status: bool) -> Object:
    """What an applied body says about the half of the object that it is for."""
    if not status:
        return {name: value for name, value in wanted.items() if name != "status"}
    named = {name: wanted["metadata"][name] for name in ("name", "namespace") if name in wanted["metadata"]}
    return {
        "apiVersion": wanted["apiVersion"],
        "kind": wanted["kind"],
        "metadata": named,
        "status": wanted["status"],
    }


def _patched(old: Object, patch: Object) -> Object:
    new = dict(old)
    for name, value in patch.items():
        if value is None:
            new.pop(name, None)
        elif isinstance(value, dict):
            inner = new.get(name)
            new[name] = _patched(inner if isinstance(inner, dict) else {}, value)
        else:
            new[name] = value
    return new


def _generation(old: Object | None, new: Object) -> int:
    if old is None:
        return 1
    parts = [
        {name: value for name, value in one.items() if name not in {"metadata", "status"}}
        for one in (old, new)
    ]
    return int(old["metadata"]["generation"]) + (parts[0] != parts[1])


def _defined(definition: Object) -> tuple[Kind, ...]:
    spec = definition["spec"]
    names = spec["names"]
    return tuple(
        Kind(spec["group"], one["name"], names["kind"], names["plural"], spec.get("scope") != "Cluster")
        for one in spec["versions"]
    )


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
