"""Everything that can be said of a file or a signature: the code, what it does to the verdict, and the sentence."""

from enum import IntEnum


class Effect(IntEnum):
    """What a trouble does to the verdict; the worst one decides."""

    NOTE = 0
    WARNING = 1
    NOT_TRUSTED = 2
    PARTLY = 3
    BREAKS = 4
    NOT_SAFE = 5
    NOT_READABLE = 6
    NOT_SUPPORTED = 7


_NOTES = {
    "NAME_DIFFERS_FROM_KIND": "The file's name does not end as its content would have it.",
    "EMPTY_SIGNATURE_FIELD": "There is a field for a signature that nobody signed: {name}.",
    "HAS_ATTACHMENTS": "The PDF carries attached files; nobody looked into them.",
    "NESTED_CONTAINER": "{name} is itself an archive or container; nobody looked into it.",
    "COVERS_EARLIER_REVISION": "This signature covers revision {revision} of {revisions}; since then only signatures, time "
    "stamps or validation data were added.",
    "VALIDATION_DATA_ADDED": "After the last signature only validation data or time stamps were added.",
    "CERTIFICATE_EXPIRED_SINCE": "The certificate has expired since; it was valid when the time stamp was given.",
    "AUTHORITY_EXPIRED_SINCE": "The certificate of the time stamp's authority has expired since.",
    "REVOCATION_NOT_CHECKED": "Whether the certificate was revoked is not known: the file holds no evidence and nothing is "
    "fetched.",
    "NO_TIME_STAMP": "The signature has no time stamp: when it was made is only claimed.",
    "ARCHIVE_TIME_STAMP_NOT_JUDGED": "The signature has an archive time stamp, which was not judged.",
    "COUNTER_SIGNATURE_NOT_JUDGED": "The signature has a counter-signature, which was not judged.",
    "CERTIFIED": "The author's signature limits later changes: {permission}.",
}
_WARNINGS = {
    "HAS_JAVASCRIPT": "The PDF holds JavaScript; what it shows can depend on the program that opens it.",
    "HAS_XFA": "The PDF holds an XFA form; what it shows depends on the program that opens it.",
    "MIMETYPE_MISSING": "The container has no mimetype entry.",
    "MIMETYPE_NOT_FIRST": "The container's mimetype entry is not the first one.",
    "MIMETYPE_PACKED": "The container's mimetype entry is compressed or carries extra fields.",
    "MANIFEST_DIFFERS": "The manifest, which is not signed, lists other files than the container holds.",
    "MANIFEST_NOT_READABLE": "The manifest, which is not signed, cannot be read.",
    "SIGNATURE_KIND_NOT_JUDGED": "{name} is a kind of signature that is not judged here; it counts for nothing.",
    "NO_COMMITMENT_USAGE": "The certificate allows digital signatures, but does not say that they commit (non-repudiation).",
    "NO_SIGNING_CERTIFICATE_ATTRIBUTE": "The signature does not bind its own certificate (PAdES asks for it).",
    "TIME_STAMP_NOT_READABLE": "The time stamp cannot be read, so it proves nothing.",
    "TIME_STAMP_OF_SOMETHING_ELSE": "The time stamp was given for something else than this signature, so it proves nothing.",
    "TIME_STAMP_BROKEN": "The time stamp's own signature is wrong, so it proves nothing.",
    "TIME_STAMP_AUTHORITY_UNKNOWN": "The time stamp's authority is not among those trusted here, so it proves nothing.",
    "TIME_STAMP_AUTHORITY_NOT_VALID": "The certificate of the time stamp's authority was not good for it, so it proves nothing.",
    "TIME_STAMP_IN_THE_FUTURE": "The time stamp tells a time that has not come yet, so it proves nothing.",
    "TIME_STAMP_WEAK": "The time stamp rests on {algorithm}, which is too weak, so it proves nothing.",
    "CLAIMED_TIME_DIFFERS": "The signer's clock said {claimed}, the time stamp says {stamped}.",
    "CLAIMED_TIME_IN_THE_FUTURE": "The signer's clock said {claimed}, which has not come yet.",
}
_NOT_TRUSTED = {
    "ISSUER_UNKNOWN": "The certificate's issuer is not among those trusted here: {issuer}.",
    "ISSUER_SPOOFED": "The certificate names a trusted issuer, but that issuer did not sign it: {issuer}.",
    "SELF_SIGNED": "The certificate is signed by itself: anybody can make one in this name.",
    "CHAIN_NOT_VALID": "The certificate's chain does not hold: {reason}.",
    "EXPIRED_AT_SIGNING": "The certificate had expired on {not_after}, before the time of signing that is proven.",
    "EXPIRED_WITHOUT_PROOF": "The certificate expired on {not_after}, and nothing proves that the signature is older.",
    "NOT_YET_VALID": "The certificate was not valid before {not_before}.",
    "NOT_FOR_SIGNING": "The certificate is not meant for signing documents, but for: {purposes}.",
    "AUTHORITY_AS_SIGNER": "The certificate is that of an authority, which issues certificates and signs no documents.",
    "REVOKED": "The certificate was revoked, as evidence in the file shows.",
    "WEAK_DIGEST": "The signature rests on {algorithm}, for which other content with the same digest can be made.",
    "WEAK_KEY": "The signer's key is too short: {algorithm}.",
    "WEAK_CHAIN": "A certificate of the chain was signed with too weak an algorithm.",
}
_PARTLY = {
    "CHANGED_AFTER_SIGNING": "The PDF was changed after this signature, which covers revision {revision} of {revisions}.",
    "FILLED_IN_AFTER_SIGNING": "Form fields were filled in after this signature (revision {revision} of {revisions}): {names}.",
    "COMMENTED_AFTER_SIGNING": "Comments were added after this signature, which covers revision {revision} of {revisions}.",
    "CHANGES_NOT_PERMITTED": "The author's signature does not permit the changes that came after it.",
    "BYTES_APPENDED": "{count} bytes were appended to the file after the last signature.",
    "UNSIGNED_ENTRY": "No signature covers {name}.",
    "SIGNATURE_LEAVES_OUT": "This signature does not cover {name}.",
}
_BREAKS = {
    "DATA_CHANGED": "What was signed has been changed since: {name}.",
    "SIGNATURE_VALUE_WRONG": "The signature is not that of the certificate's holder over this content.",
    "SIGNATURE_NOT_READABLE": "The signature cannot be read: {reason}.",
    "SIGNATURE_FORMAT_NOT_SUPPORTED": "The signature is of a kind that cannot be judged: {kind}.",
    "SIGNATURE_FILE_NOT_READABLE": "{name} is not well-formed, so its signatures cannot be read: {reason}.",
    "COVERAGE_UNCLEAR": "The byte range that the signature claims to cover is not that of a PDF signature.",
    "SIGNING_CERTIFICATE_MISMATCH": "The certificate that comes with the signature is not the one the signer bound to it.",
    "CERTIFICATE_NOT_READABLE": "The certificate that comes with the signature cannot be read.",
    "ALGORITHM_NOT_SUPPORTED": "The signature uses {algorithm}, which proves nothing or is not known here; it was not verified.",
    "SIGNED_PROPERTIES_NOT_SIGNED": "The signature does not cover its own properties, as XAdES demands.",
    "REFERENCE_UNRESOLVED": "The signature covers a file that is not there: {name}.",
    "REFERENCE_TWICE": "The signature refers twice to {name}.",
    "SIGNS_NOTHING": "The signature covers none of the container's files.",
}
_NOT_SAFE = {
    "BYTES_BEFORE": "There are bytes before the beginning of the document: the file can be read as something else, too.",
    "BYTES_AFTER": "There are bytes after the end of the container: the file can be read as something else, too.",
    "TWO_KINDS_AT_ONCE": "The file is a PDF and an archive at once: which one is read depends on the program.",
    "ENTRY_NAME_NOT_SAFE": "An entry's name leads out of the container or cannot be told for certain: {name}.",
    "ENTRY_NAME_TWICE": "Two entries have the same name, or names that some systems take for the same: {name}.",
    "TOO_MANY_ENTRIES": "The container has more than {most} entries.",
    "UNPACKS_TOO_LARGE": "The container unpacks to more than is allowed ({name}).",
    "DIRECTORY_CONTRADICTS": "The container's directory and its entries contradict each other: {reason}.",
    "ENTRIES_OVERLAP": "Entries of the container overlap, or there are bytes between them.",
    "SIGNATURE_FILE_NOT_SAFE": "{name} is built to harm who reads it: {reason}.",
    "DUPLICATE_ID": "{name} uses one Id for two elements, so what is signed depends on the program: {id}.",
    "TRANSFORM_NOT_ALLOWED": "The signature asks to transform {name} before it is compared ({algorithm}); that can hide changes.",
    "REFERENCE_OUTSIDE": "The signature refers to something outside the container or to a name that is not safe: {name}.",
}
_NOT_READABLE = {
    "EMPTY_FILE": "The file is empty.",
    "FILE_TOO_LARGE": "The file is larger than {most} bytes, the most that is judged.",
    "PDF_NOT_READABLE": "The PDF cannot be read: {reason}.",
    "PDF_ENCRYPTED": "The PDF is encrypted; send it without a password.",
    "CONTAINER_NOT_READABLE": "The container cannot be read; it may be cut short: {reason}.",
    "ENTRY_ENCRYPTED": "The container's entry {name} is encrypted.",
    "ENTRY_COMPRESSION_NOT_SUPPORTED": "The container's entry {name} is compressed in a way that ASiC does not know.",
    "ENTRY_DAMAGED": "The container's entry {name} is damaged.",
    "TOO_MANY_SIGNATURES": "The file has more than {most} signatures, the most that are judged.",
    "JUDGING_TOO_LONG": "Judging the file takes longer than is allowed.",
    "JUDGING_TOO_LARGE": "Judging the file takes more memory than is allowed.",
    "JUDGING_FAILED": "The file could not be judged: the program that judges it ended without an answer.",
}
_NOT_SUPPORTED = {
    "KIND_NOT_SUPPORTED": "The file is neither a PDF nor an ASiC-E container (.asice, .sce, .edoc).",
    "MIMETYPE_WRONG": "The container says of itself that it is something else than ASiC-E: {mimetype}.",
}

CODES: dict[str, tuple[Effect, str]] = {
    code: (effect, sentence)
    for effect, sentences in (
        (Effect.NOTE, _NOTES),
        (Effect.WARNING, _WARNINGS),
        (Effect.NOT_TRUSTED, _NOT_TRUSTED),
        (Effect.PARTLY, _PARTLY),
        (Effect.BREAKS, _BREAKS),
        (Effect.NOT_SAFE, _NOT_SAFE),
        (Effect.NOT_READABLE, _NOT_READABLE),
        (Effect.NOT_SUPPORTED, _NOT_SUPPORTED),
    )
    for code, sentence in sentences.items()
}

VERDICTS: dict[str, str] = {
    "SIGNED_AND_TIMESTAMPED": "Every signature is intact, covers the whole file, is of a trusted signer and has a trusted "
    "time stamp.",
    "SIGNED_WITHOUT_TIME_STAMP": "Every signature is intact, covers the whole file and is of a trusted signer, but when it "
    "was made is not proven.",
    "SIGNED_NOT_TRUSTED": "The signatures are intact and cover the whole file, but a signer cannot be trusted.",
    "PARTLY_SIGNED": "The signatures are intact, but do not cover everything that the file shows or holds.",
    "BROKEN": "A signature does not match the content, or cannot be verified.",
    "NOT_SIGNED": "The file has no signature.",
    "NOT_SAFE": "The file is built as no honest program builds it; it was not judged further.",
    "NOT_READABLE": "The file cannot be read, so nothing can be said of its signatures.",
    "NOT_SUPPORTED": "The file is of a kind whose signatures are not judged here.",
}
