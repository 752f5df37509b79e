"""The list of promoted versions that an UpdateService names, read before any pod does. Pure.

What the service itself would refuse is not handed to it: pods that run would keep the list that they have read, but one that
starts anew has none to keep, and would not answer.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from upgraph.errors import DataError, Finding
from upgraph.errors.problems.reconcile import VERSIONS_MISSING, VERSIONS_UNUSABLE
from upgraph.graph.promotion import MAX_LIST_BYTES, Promotion, read_list
from upgraph.kube.kinds import CONFIG_MAP
from upgraph.operator.inputs.own import Own
from upgraph.operator.inputs.values import Copy
from upgraph.operator.inputs.view import text_of
from upgraph.operator.resource.names import Names
from upgraph.operator.resource.trouble import Trouble
from upgraph.operator.resource.update_service import DEFAULT_VERSIONS_KEY, Versions

PROMOTION_INVALID = "PromotionInvalid"
"""Reason where the list is there and cannot be used."""
_REMEMBERED = 8
"""Lists of which it is remembered whether they are good: a large one takes a second to read, and is looked at again and again."""
MAX_TOLD = 3
"""Most lines of a list that a message tells of."""


def gather_versions(own: Own, names: Names) -> tuple[Copy, Trouble | None]:
    """The copy of the list that pods read, and why it is left as it is, if it is.

    Without a copy that could stay, pods would offer all updates, so none are made or changed then.
    """
    wanted = own.service.spec.versions
    if wanted is None:
        return Copy(), None
    is_there = own.find(CONFIG_MAP, names.versions) is not None
    text, trouble = _list_of(own, wanted, names.namespace)
    if trouble is not None:
        return Copy(None, is_there, is_wanted=True), replace(trouble, holds_pods=not is_there)
    return Copy({DEFAULT_VERSIONS_KEY: text}, is_there, is_wanted=True), None


def _list_of(own: Own, wanted: Versions, namespace: str) -> tuple[str, Trouble | None]:
    """The list, and what is wrong with it."""
    text, place = "".join(f"{one}\n" for one in wanted.allow), "spec.versions.allow"
    if wanted.config_map is not None:
        source = own.view.find(CONFIG_MAP, namespace, wanted.config_map)
        content = None if source is None else text_of(source).get(wanted.key)
        place = f"the ConfigMap {namespace}/{wanted.config_map} of spec.versions"
        if content is None:
            seen = f"{place} {'is not there' if source is None else f'has no key {wanted.key}'}"
            return "", Trouble("VersionsNotFound", VERSIONS_MISSING, seen)
        text, place = content, f"the key {wanted.key} of {place}"
    fault = _fault(text)
    return text, Trouble(PROMOTION_INVALID, VERSIONS_UNUSABLE, f"{place}: {fault}") if fault else None


@lru_cache(_REMEMBERED)
def _fault(text: str) -> str:
    """Why the service would not use a list, or what makes it one that nobody can have meant; empty if it is good."""
    content = text.encode(errors="surrogatepass")
    if len(content) > MAX_LIST_BYTES:
        return f"it has {len(content)} bytes, more than {MAX_LIST_BYTES}"
    listed = read_list(content, "")
    if listed.findings:
        return _told(listed.findings)
    if not listed.lines:
        return "it names no version, so the list of before stays in force; name one that does not exist to offer no update"
    try:
        Promotion.of(listed.lines)
    except DataError as error:
        return error.seen
    return ""


def _told(findings: Sequence[Finding]) -> str:
    lines = "; ".join(f"line {one.line}: {one.seen}" for one in findings[:MAX_TOLD])
    more = len(findings) - MAX_TOLD
    return lines if more <= 0 else f"{lines}; and {more} more lines"
