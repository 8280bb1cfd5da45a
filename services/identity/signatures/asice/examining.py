"""An ASiC-E container as a whole: which signatures it has, and which of its files each covers."""

from collections.abc import Sequence
from datetime import datetime

from services.identity.signatures.asice.container import Container, read_container
from services.identity.signatures.asice.markup import DS, Element, check_ids, parse
from services.identity.signatures.asice.names import MIMETYPE
from services.identity.signatures.asice.structure import signatures_of
from services.identity.signatures.asice.xades import SignatureJudge
from services.identity.signatures.chains import Tracer
from services.identity.signatures.codes import Effect
from services.identity.signatures.findings import (
    MOST_SIGNATURES,
    Coverage,
    Examined,
    Refused,
    Signature,
    Trouble,
    bounded,
    trouble,
    worst_first,
)

_MOST_NAMED = 20


async def examine(content: bytes, file_name: str, tracer: Tracer, at: datetime) -> Examined:
    """Return what is found out about a container. Raises ``Refused`` where nothing can be said of its signatures."""
    container = read_container(content, file_name)
    found, troubles = _signatures(container)
    names = frozenset({*container.data, *container.signatures, MIMETYPE})
    judge = SignatureJudge(container.data, names, tracer, at)
    judged = [await judge.judge(label, element) for label, element in found]
    signatures = [signature for signature, _ in judged]
    troubles += [*container.troubles, *_coverage_troubles(container, judged)]
    covered = {name for signature, referred in judged if signature.intact for name in referred} & container.data.keys()
    unsigned = sorted({*container.data, *container.stray} - covered)
    whole = bool(signatures) and bool(container.data) and not unsigned and all(_is_whole(each) for each in signatures)
    return Examined(
        "ASIC_E",
        worst_first(troubles),
        tuple(signatures),
        coverage=Coverage(whole, bounded(sorted(covered)), bounded(unsigned)),
    )


def _signatures(container: Container) -> tuple[list[tuple[str, Element]], list[Trouble]]:
    """Return the container's signatures with the names they are shown under, and what is wrong with signature files."""
    found: list[tuple[str, Element]] = []
    troubles = []
    for name, data in container.signatures.items():
        try:
            root = parse(name, data)
            check_ids(name, root)
            elements = signatures_of(name, root)
        except Refused as refused:
            if refused.trouble.effect > Effect.BREAKS:
                raise
            troubles.append(refused.trouble)
            continue
        found += [(f"{name}#{each.get('Id', '')}", each) for each in elements]
        if sum(1 for _ in root.iter(f"{DS}Signature")) > MOST_SIGNATURES or len(found) > MOST_SIGNATURES:
            raise Refused("TOO_MANY_SIGNATURES", most=MOST_SIGNATURES)
    return found, troubles


def _coverage_troubles(container: Container, judged: Sequence[tuple[Signature, frozenset[str]]]) -> list[Trouble]:
    troubles = [trouble("SIGNATURE_KIND_NOT_JUDGED", name=name) for name in container.foreign[:_MOST_NAMED]]
    if container.foreign and not judged:
        troubles.append(trouble("SIGNATURE_FORMAT_NOT_SUPPORTED", kind="CAdES, or a time stamp alone"))
    if not judged or any(signature.covers == "UNCLEAR" for signature, _ in judged):
        return troubles  # Nothing is signed, or it is not known what.
    referred = frozenset[str]().union(*(names for _, names in judged))
    left_out = sorted({*container.data, *container.stray} - referred)
    return troubles + [trouble("UNSIGNED_ENTRY", name=name) for name in left_out[:_MOST_NAMED]]


def _is_whole(signature: Signature) -> bool:
    return signature.intact and signature.covers == "ENTIRE_FILE"
