"""The rules of an ASiC-E container (ETSI EN 319 162-1, 4.4 and A.1): what is data, what is a signature, what is neither."""

from dataclasses import dataclass

from services.identity.signatures.asice.archive import Entry, read_archive
from services.identity.signatures.asice.markup import parse
from services.identity.signatures.asice.names import META, MIMETYPE
from services.identity.signatures.concluding import ENDINGS
from services.identity.signatures.findings import Refused, Trouble, trouble

MEDIA_TYPE = "application/vnd.etsi.asic-e+zip"
_MANIFEST = f"{META}/manifest.xml"
_SILENT = {_MANIFEST, f"{META}/container.xml", f"{META}/metadata.xml"}
_MANIFEST_SPACE = "{urn:oasis:names:tc:opendocument:xmlns:manifest:1.0}"
_OFFICE = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".jar")
_BEGINS_ARCHIVE = (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")


@dataclass(frozen=True, slots=True)
class Container:
    """A container's files by their part: ``data`` must be signed, ``signatures`` hold XAdES, ``foreign`` other signatures."""

    data: dict[str, bytes]
    signatures: dict[str, bytes]
    foreign: tuple[str, ...]
    stray: tuple[str, ...]
    troubles: tuple[Trouble, ...]


def read_container(content: bytes, file_name: str) -> Container:
    """Return the container. Raises ``Refused``, with ``KIND_NOT_SUPPORTED`` for an archive that is none."""
    entries = read_archive(content)
    troubles = _mimetype_troubles(entries, file_name)
    data, signatures, foreign, stray = {}, {}, [], []
    for entry in entries:
        if not entry.name.startswith(f"{META}/"):
            if entry.name != MIMETYPE:
                data[entry.name] = entry.data
        elif _is_signature(entry.name):
            signatures[entry.name] = entry.data
        elif _is_foreign(entry.name):
            foreign.append(entry.name)
        elif entry.name not in _SILENT:
            stray.append(entry.name)
    troubles += _manifest_troubles(entries, set(data))
    troubles += [trouble("NESTED_CONTAINER", name=name) for name, held in data.items() if _is_archive(name, held)]
    return Container(data, signatures, tuple(foreign), tuple(stray), tuple(troubles))


def _mimetype_troubles(entries: tuple[Entry, ...], file_name: str) -> list[Trouble]:
    """Return what is odd about the mimetype, which is not signed: that it is not first changes nothing in what is."""
    at, entry = next(((at, each) for at, each in enumerate(entries) if each.name == MIMETYPE), (0, None))
    if entry is None:
        if not file_name.lower().endswith(ENDINGS["ASIC_E"]):
            raise Refused("KIND_NOT_SUPPORTED")
        return [trouble("MIMETYPE_MISSING")]
    told = entry.data[:200].decode("ascii", errors="replace").strip()
    if told != MEDIA_TYPE:
        raise Refused("MIMETYPE_WRONG", mimetype=told)
    troubles = [trouble("MIMETYPE_NOT_FIRST")] if at else []
    return troubles + ([] if entry.is_stored and not entry.has_extra else [trouble("MIMETYPE_PACKED")])


def _is_signature(name: str) -> bool:
    last = name.rsplit("/", 1)[-1].lower()
    return "signatures" in last and last.endswith(".xml")


def _is_foreign(name: str) -> bool:
    last = name.rsplit("/", 1)[-1].lower()
    return last.endswith((".p7s", ".p7m", ".tst")) or (last.startswith("asic") and "manifest" in last and last.endswith(".xml"))


def _is_archive(name: str, data: bytes) -> bool:
    return data.startswith(_BEGINS_ARCHIVE) and not name.lower().endswith(_OFFICE)


def _manifest_troubles(entries: tuple[Entry, ...], data: set[str]) -> list[Trouble]:
    held = next((each.data for each in entries if each.name == _MANIFEST), None)
    if held is None:
        return []
    try:
        root = parse(_MANIFEST, held)
    except Refused as refused:
        if refused.trouble.code == "SIGNATURE_FILE_NOT_SAFE":
            raise
        return [trouble("MANIFEST_NOT_READABLE")]
    listed = {each.get(f"{_MANIFEST_SPACE}full-path", "") for each in root.iter(f"{_MANIFEST_SPACE}file-entry")}
    listed = {name for name in listed if not name.endswith("/") and name.split("/")[0] not in (META, MIMETYPE)}
    return [] if listed == data else [trouble("MANIFEST_DIFFERS")]
