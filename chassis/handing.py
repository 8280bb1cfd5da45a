"""Files over HTTP, as they are: handed in under a name in a header, handed out to be saved and never shown in place."""

from starlette.requests import Request
from starlette.responses import Response

from chassis.files import NAME_HEADER, Intake, Upload, disposition_of


async def hand_in(request: Request, intake: Intake) -> Upload:
    """Return the file that a request brings; of one that is too large no more is read. Raises the refusals of the intake."""
    name = intake.read_name(request.headers.get(NAME_HEADER))
    pieces = bytearray()
    async for piece in request.stream():
        pieces += piece
        if len(pieces) > intake.most_bytes:
            raise intake.too_large
    return intake.read(name, bytes(pieces))


def hand_out(content: bytes, *, name: str, content_type: str) -> Response:
    """Return the response that brings a file to whoever may have it."""
    headers = {
        "content-disposition": disposition_of(name),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Response(content, 200, headers, media_type=content_type)
