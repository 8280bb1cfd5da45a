"""How to send and fetch files: their bytes as they are, beside the JSON of everything else."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.handing import hand_in, hand_out
from chassis.principal import HEADER
from chassis.web import Asked, Edge, Json, Routes, json_response
from services.identity.files import access, actions
from services.identity.files.access import Viewers
from services.identity.files.domain import INTAKE, File


def file_row(file: File) -> dict[str, Any]:
    """Return a file as those see it who may."""
    return {
        "id": file.id,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.size,
        "sha256": file.sha256,
        "uploaded_at": file.uploaded_at,
        "expires_at": file.expires_at,
    }


class _Door:
    def __init__(self, edge: Edge, viewers: Mapping[str, Viewers]) -> None:
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
        return json_response({"result": file_row(kept)})

    async def download(self, request: Request) -> Response:
        principal = self._edge.verifier.verify(request.headers.get(HEADER))
        reader = self._edge.store.reader(principal)
        file = await access.require_visible(reader, request.path_params["file_id"], self._viewers)
        content = await actions.read_contents(reader, file)
        return hand_out(content, name=file.name, content_type=file.content_type)

    async def files_by_id(self, asked: Asked) -> Json:
        ids = asked.ids
        files = await access.visible(asked.reader(), ids, self._viewers)
        return [file_row(files[key]) if key in files else None for key in ids]


def routes(edge: Edge, viewers: Mapping[str, Viewers]) -> list[BaseRoute]:
    """Return the routes of files; ``viewers`` tells by the prefix of a thing's id who may see the files that hang on it."""
    door = _Door(edge, viewers)
    r = Routes(edge)
    r.load("files_by_id", door.files_by_id)
    return [
        *r.collected,
        Route("/files", door.upload, methods=["POST"]),
        Route("/files/{file_id}", door.download, methods=["GET"]),
    ]
