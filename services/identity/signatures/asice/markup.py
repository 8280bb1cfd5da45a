"""Foreign XML, read without following it anywhere: no DTD, no entities, no network, bounded size and depth."""

from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from services.identity.signatures.findings import Refused

MOST_XML_BYTES = 2 * 1024 * 1024
_IDENTIFYING = ("Id", "ID", "id")

DS = "{http://www.w3.org/2000/09/xmldsig#}"
XADES = "{http://uri.etsi.org/01903/v1.3.2#}"
XADES_141 = "{http://uri.etsi.org/01903/v1.4.1#}"

# An element of a tree: lxml publishes no types.
Element = Any


def parser() -> Any:
    """Return a parser that expands and fetches nothing."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False)


def parse(name: str, data: bytes) -> Element:
    """Return the root of a document. Raises ``Refused``: not safe for a DTD or too much of it, not readable for bad XML."""
    if len(data) > MOST_XML_BYTES:
        raise Refused("SIGNATURE_FILE_NOT_SAFE", name=name, reason=f"it is larger than {MOST_XML_BYTES} bytes")
    if b"<!DOCTYPE" in data.replace(b"\0", b"").upper() or b"<!ENTITY" in data.replace(b"\0", b"").upper():
        raise Refused("SIGNATURE_FILE_NOT_SAFE", name=name, reason="it has a document type declaration")
    try:
        root = etree.fromstring(data, parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Refused("SIGNATURE_FILE_NOT_READABLE", name=name, reason=str(error).split(", line")[0]) from error
    info = root.getroottree().docinfo
    if info.internalDTD is not None or info.externalDTD is not None or next(root.iter(etree.Entity), None) is not None:
        raise Refused("SIGNATURE_FILE_NOT_SAFE", name=name, reason="it has a document type declaration")
    return root


def check_ids(name: str, root: Element) -> None:
    """Refuse a document in which one Id stands at two elements: which of them is signed would depend on the reader."""
    seen: set[str] = set()
    for element in root.iter(etree.Element):
        own = {value for key, value in element.attrib.items() if etree.QName(key).localname in _IDENTIFYING}
        for value in own:
            if value in seen:
                raise Refused("DUPLICATE_ID", name=name, id=value)
        seen |= own


def written(element: Element) -> bytes:
    """Return an element as a document of its own, with every namespace that is in scope where it stands."""
    serialized: bytes = etree.tostring(element, with_tail=False)
    return serialized


def canonical(element: Element, algorithm: str) -> bytes:
    """Return an element in a canonical form of ``CANONICAL``, as where it stands."""
    alone = etree.fromstring(written(element), parser())
    form: bytes = etree.tostring(alone, method="c14n", exclusive="exc-c14n" in algorithm, with_comments=False)
    return form


CANONICAL = {
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
}
DEFAULT_CANONICAL = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"


def texts(element: Element, path: str) -> list[str]:
    """Return the texts of the elements at a path below."""
    return ["".join(each.itertext()).strip() for each in element.findall(path)]
