"""The route of the app's own files."""

from fastapi import APIRouter, HTTPException, Request, Response

from kaogae.label.service.images import matches
from kaogae.label.service.state import The

routes = APIRouter(include_in_schema=False)


@routes.api_route("/{path:path}", methods=["GET", "HEAD"], name="shell")
async def file(path: str, request: Request, service: The) -> Response:
    """One of the app's own files."""
    found = service.shell.get(f"/{path}")
    if found is None:
        raise HTTPException(404)
    packed = found.packed if "gzip" in request.headers.get("accept-encoding", "") else None
    etag = f'"{found.etag}{"-gzip" if packed else ""}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if matches(request, etag):
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(packed or found.data, headers=headers, media_type=found.kind)
