"""Plain routes that answer with a file: what is too large for one answer in JSON."""

import json
import shutil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from app.services.context import Context
from app.services.outputs import transfer
from app.web.security import check_role
from storage.enums import Role
from storage.errors import InputError


def add_downloads(app: FastAPI, context: Context) -> None:
    """Add the routes; they have to come before anything that is mounted at the root."""

    @app.post("/export_file")
    async def export_file(request: Request) -> Response:
        """Answer with the preferences as a file; the body may have the arguments of /export."""
        try:
            check_role(Role.ADMIN, request.scope.get("user"))
        except InputError as error:
            return _refusal(error, status=403)
        folder = transfer.download_folder()
        clean_up = BackgroundTask(shutil.rmtree, folder)
        try:
            name, wanted = _arguments(await request.body())
            path = await run_in_threadpool(
                transfer.export_preferences, context, name, wanted, into=folder
            )
        except InputError as error:
            return _refusal(error, status=400, background=clean_up)
        return FileResponse(path, filename=path.name, background=clean_up)


def _arguments(body: bytes) -> tuple[str, dict[str, Any]]:
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise InputError('The body must be a JSON object such as {"format": "csv", "filter": {}}.')
    if unknown := given.keys() - {"format", "filter"}:
        raise InputError(
            f"export_file knows no {', '.join(sorted(unknown))}. Known are format and filter."
        )
    name, wanted = given.get("format", transfer.DEFAULT_FORMAT), given.get("filter") or {}
    if not isinstance(name, str) or not isinstance(wanted, dict):
        raise InputError("format must be a text, and filter an object.")
    return name, wanted


def _refusal(
    error: InputError, *, status: int, background: BackgroundTask | None = None
) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=status, background=background)
