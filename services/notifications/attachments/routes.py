"""How to send and fetch attachments: their bytes as they are, beside the JSON of everything else."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.handing import hand_in, hand_out
from chassis.principal import HEADER
from chassis.web import Edge, json_response
from services.notifications.attachments import access, actions
from services.notifications.attachments.access import Viewers
from services.notifications.attachments.domain import INTAKE, Attachment


def attachment_row(file: Attachment) -> dict[str, Any]:
    """Return a file as those see it who may."""
    return {
        "id": file.id,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.size,
        "sha256": file.sha256,
        "uploaded_at": file.uploaded_at,
    }


class _Door:
    def __init__(self, edge: Edge, viewers: Viewers) -> None:
        self._edge = edge
        self._viewers = viewers

    async def upload(self, request: Request) -> Response:
        principal = self._edge.verifier.verify(request.headers.get(HEADER))
        principal.require_signed_in()
        upload = await hand_in(request, INTAKE)
        store = self._edge.store
        coming = await store.transact(principal, lambda tx: actions.announce_upload(tx, upload), deed=actions.UPLOAD)
        await actions.put_contents(store.reader(principal), coming, upload)
        kept = await actions.keep_or_forget(store, principal, coming)
        return json_response({"result": attachment_row(kept)})

    async def download(self, request: Request) -> Response:
        principal = self._edge.verifier.verify(request.headers.get(HEADER))
        reader = self._edge.store.reader(principal)
        file = await access.require_visible(reader, request.path_params["file_id"], self._viewers)
        content = await actions.read_contents(reader, file)
        return hand_out(content, name=file.name, content_type=file.content_type)


def routes(edge: Edge, viewers: Viewers) -> list[BaseRoute]:
    """Return the routes of attachments; ``viewers`` tells who may see the requests that they hang on."""
    door = _Door(edge, viewers)
    return [
        Route("/files", door.upload, methods=["POST"]),
        Route("/files/{file_id}", door.download, methods=["GET"]),
    ]
