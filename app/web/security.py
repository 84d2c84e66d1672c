"""Who may reach the server, and who may call which handler.

`Guard` stands before everything as plain ASGI, so that streams pass through it untouched.
`require` stands before every handler: Gradio lets any caller call any handler, hidden ones
included, so what a handler may do is decided inside it, never by what the page shows.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Literal
from urllib.parse import urlsplit

import gradio as gr
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.services.context import User
from storage.enums import Role
from storage.errors import InputError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_BODY_BYTES = 5 * 1024**2
MAX_UPLOAD_BYTES = 512 * 1024**2
UPLOAD_PATH = "/gradio_api/upload"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# Scripts and styles inline: Gradio's page starts from an inline script and sets style attributes.
# Its page sets a base address, its own. Strings are never run as code ('unsafe-eval'), so scripts
# belong into the page's head: Gradio's `js` options and its Vega plots do not work here. Nothing is
# fetched from another server, so model text cannot load images from elsewhere.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "frame-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
# "same-origin" and not "no-referrer": with the latter a browser sends "Origin: null" on some
# requests of our own page, which the guard would refuse.
SECURITY_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)

RoleName = Literal["annotator", "admin"]
_RANK = {Role.ANNOTATOR: 0, Role.ADMIN: 1}


class Guard:
    """ASGI middleware: own hosts and own origin only, bounded bodies, security headers."""

    def __init__(self, app: ASGIApp, *, user: User) -> None:
        self._app = app
        self._user = user

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let an acceptable request through, with its user in the scope; answer any other."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        send = _with_security_headers(send)
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = _refusal(scope["method"], headers)
        if refusal:
            await PlainTextResponse(refusal, status_code=403)(scope, receive, send)
            return
        scope["user"] = self._user
        await _BoundedBody(self._app, _body_limit(scope["path"])).run(scope, receive, send)


def _refusal(method: str, headers: dict[bytes, str]) -> str | None:
    """Why the request is refused, or None. Any port will do: a tunnel may end on another one."""
    host = headers.get(b"host", "")
    if _host_name(host) not in LOOPBACK_NAMES:
        return (
            f"PairTune does not answer to the host name {host!r}. "
            "Open it as http://localhost or http://127.0.0.1 with its port."
        )
    origin = headers.get(b"origin")
    if origin is not None and not _same_origin(origin, host):
        return f"PairTune refuses requests that another web site ({origin}) makes."
    if origin is None and method not in SAFE_METHODS and _is_cross_site(headers):
        return "PairTune refuses requests that another web site makes."
    return None


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_origin(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc == host


def _is_cross_site(headers: dict[bytes, str]) -> bool:
    return headers.get(b"sec-fetch-site", "same-origin") not in {"same-origin", "none"}


def _body_limit(path: str) -> int:
    return MAX_UPLOAD_BYTES if path.rstrip("/") == UPLOAD_PATH else MAX_BODY_BYTES


def _with_security_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *SECURITY_HEADERS]
        await send(message)

    return send_with_headers


class _BoundedBody:
    """One request whose body is counted while it streams in.

    Content-Length alone does not do: a chunked body has none.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit
        self._num_bytes = 0
        self._started = False

    @property
    def _exceeded(self) -> bool:
        return self._num_bytes > self._limit

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer 413 if its body grows over the limit."""

        async def counted_receive() -> Message:
            message = await receive()
            self._num_bytes += len(message.get("body", b""))
            return {"type": "http.disconnect"} if self._exceeded else message

        async def watched_send(message: Message) -> None:
            # What the application says about a body that was cut short is not the reason.
            if self._exceeded and not self._started:
                return
            self._started = True
            await send(message)

        if _announced_bytes(scope) > self._limit:
            await self._refuse(scope, receive, send)
            return
        try:
            await self._app(scope, counted_receive, watched_send)
        except Exception:
            if not self._exceeded:
                raise
        if self._exceeded and not self._started:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = f"The request is too large: at most {self._limit // 1024**2} MiB are taken."
        await PlainTextResponse(text, status_code=413)(scope, receive, send)


def _announced_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return 0


def current_user(request: gr.Request) -> User:
    """The person behind the request, as the guard identified them; nothing else decides it."""
    user = request.request.scope.get("user") if request.request is not None else None
    if not isinstance(user, User):
        raise InputError("Nobody is logged in here. Open the page again.")
    return user


def require(role: RoleName) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a handler with the role it needs, and check the caller's role as its first step.

    The handler must take a `gr.Request`; Gradio fills it in. An admin may do all that an
    annotator may. Raises InputError for anybody else. Put `@show_errors` above it.
    """
    needed = Role(role)

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(handler):

            @functools.wraps(handler)
            def checked(*args: Any, **kwargs: Any) -> Iterator[Any]:
                _check_role(needed, (*args, *kwargs.values()))
                yield from handler(*args, **kwargs)

        else:

            @functools.wraps(handler)
            def checked(*args: Any, **kwargs: Any) -> Any:
                _check_role(needed, (*args, *kwargs.values()))
                return handler(*args, **kwargs)

        checked.required_role = needed  # type: ignore[attr-defined]
        return checked

    return decorate


def check_role(needed: Role, user: object) -> None:
    """Raise InputError unless the user of a request, as the guard has set it, has the role."""
    if not isinstance(user, User) or _RANK[user.role] < _RANK[needed]:
        raise InputError(f"Only the role {needed.value} may do this. Ask an administrator.")


def _check_role(needed: Role, values: tuple[Any, ...]) -> None:
    request = next((value for value in values if isinstance(value, gr.Request)), None)
    check_role(needed, current_user(request) if request is not None else None)
