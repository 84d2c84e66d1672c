"""A hub for tests: the part of the Hugging Face hub's HTTP protocol that PairTune speaks.

It tells what a repository holds, gives out files by byte ranges, and takes pushes: making a
repository, asking how each file is to be sent, LFS objects and the commit. Everything is kept in
memory; what was asked and what was pushed can be looked at. Run as a program it serves folders:

    python -m tests.hub_server PORT owner/name=FOLDER ...
"""

import base64
import contextlib
import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

COMMIT = "c0ffee" + "0" * 34
LFS_SUFFIXES = (".parquet", ".safetensors", ".gguf")


WRITER = "hf_" + "w" * 34  # a token that may push to the hub of a test


@dataclass
class Repo:
    """One repository: its files, and who may read it."""

    files: dict[str, bytes] = field(default_factory=dict)
    token: str | None = None
    """Needed for reading; None: anybody may read."""
    is_gated: bool = False
    revisions: set[str] = field(default_factory=lambda: {"main", COMMIT})
    lfs_files: set[str] = field(default_factory=set)
    """Names of files that were pushed as LFS objects."""
    commits: list[str] = field(default_factory=list)
    """Messages of the commits that were pushed."""
    is_private: bool = False


@dataclass
class Hub:
    """The state of one server."""

    url: str = ""
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    """By type (datasets or models) and name."""
    writers: set[str] = field(default_factory=set)
    """Tokens that may push."""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and Range header of each request, in order."""
    objects: dict[str, bytes] = field(default_factory=dict)
    """LFS objects by SHA-256."""
    num_bytes_sent: int = 0
    """Bytes of files' contents that were sent."""
    delay_seconds: float = 0.0
    """How long each answer is held back, as a line to a hub far away would."""
    fails_after: int | None = None
    """Number of file requests that are answered; any later one gets 503."""
    sends_lfs: bool = True
    """Whether large files are to be sent as LFS objects; else everything goes into the commit."""
    takes_objects: bool = True
    """Whether LFS objects are taken; else each is refused."""

    def dataset(self, name: str, files: dict[str, bytes], **more: Any) -> Repo:
        """Add a dataset."""
        repo = self.repos["datasets", name] = Repo(files, **more)
        return repo

    @property
    def file_requests(self) -> list[tuple[str, str, str | None]]:
        """The requests for contents of files."""
        return [request for request in self.requests if "/resolve/" in request[1]]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer_reading()

    def do_HEAD(self) -> None:
        self._answer_reading()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer_pushing(body)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self._note()
        digest = self.path.rsplit("/", 1)[-1]
        if hashlib.sha256(body).hexdigest() != digest or not self.hub.takes_objects:
            self._send(400)
            return
        self.hub.objects[digest] = body
        self._send(200)

    # reading

    def _answer_reading(self) -> None:
        self._note()
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts[0] == "api":
            kind, name, rest = parts[1], "/".join(parts[2:4]), parts[4:]
        elif parts[0] == "datasets":
            kind, name, rest = "datasets", "/".join(parts[1:3]), parts[3:]
        else:
            kind, name, rest = "models", "/".join(parts[:2]), parts[2:]
        repo = self._readable(kind, name)
        if repo is None:
            return
        if rest[:1] in (["revision"], ["resolve"]) and rest[1] not in repo.revisions:
            self._refuse(404, "RevisionNotFound")
        elif rest[:1] == ["tree"]:
            files = repo.files.items()
            found = [{"type": "file", "oid": "", "path": n, "size": len(c)} for n, c in files]
            self._send_json(found)
        elif rest[:1] == ["resolve"]:
            self._send_file(repo, "/".join(rest[2:]))
        else:
            self._send_json(self._info(name, repo))

    def _readable(self, kind: str, name: str) -> Repo | None:
        repo = self.hub.repos.get((kind, name))
        authorization = self.headers.get("authorization")
        known = {repo.token for repo in self.hub.repos.values() if repo.token} | self.hub.writers
        if authorization and authorization.removeprefix("Bearer ") not in known:
            self._refuse(401, message="Invalid credentials in Authorization header")
        elif repo is None or (repo.token and authorization != f"Bearer {repo.token}"):
            # The hub tells strangers only of gated repositories that they exist.
            gated = repo is not None and repo.is_gated
            status = 404 if authorization else 401
            self._refuse(403 if gated else status, "GatedRepo" if gated else "RepoNotFound")
        else:
            return repo
        return None

    def _info(self, name: str, repo: Repo) -> dict[str, Any]:
        asked = parse_qs(urlsplit(self.path).query)
        with_sizes = "blobs" in asked
        siblings = [
            {"rfilename": file, **({"size": len(content)} if with_sizes else {})}
            for file, content in repo.files.items()
        ]
        return {
            "id": name,
            "sha": COMMIT,
            "private": repo.is_private,
            "gated": "manual" if repo.is_gated else False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "disabled": False,
            "siblings": siblings,
            "cardData": _card(repo.files.get("README.md", b"").decode()),
        }

    def _send_file(self, repo: Repo, name: str) -> None:
        content = repo.files.get(name)
        if content is None:
            self._refuse(404, "EntryNotFound")
            return
        if self.hub.fails_after is not None and len(self.hub.file_requests) > self.hub.fails_after:
            self._refuse(503)
            return
        headers = {"etag": f'"{hashlib.sha256(content).hexdigest()}"', "x-repo-commit": COMMIT}
        asked = self.headers.get("range")
        if asked is None:
            self._send(200, content, headers)
            return
        start, end = (int(number) for number in asked.removeprefix("bytes=").split("-"))
        headers["content-range"] = f"bytes {start}-{end}/{len(content)}"
        part = content[start : end + 1]
        self.hub.num_bytes_sent += len(part)
        self._send(206, part, headers)

    # pushing

    def _answer_pushing(self, body: bytes) -> None:
        self._note()
        path = urlsplit(self.path).path
        if self.headers.get("authorization", "").removeprefix("Bearer ") not in self.hub.writers:
            self._refuse(403)
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif path == "/api/validate-yaml":
            self._send_json({"warnings": [], "errors": []})
        elif path.endswith("/info/lfs/objects/batch"):
            self._send_lfs_batch(json.loads(body))
        else:
            kind, owner, short, action = path.split("/")[2:6]
            name = f"{owner}/{short}"
            if action == "preupload":
                self._send_json({"files": [self._way(file) for file in json.loads(body)["files"]]})
            elif action == "commit":
                self._commit(self.hub.repos[kind, name], [*map(json.loads, body.splitlines())])
                page = f"{self._page(kind, name)}/commit/{COMMIT}"
                self._send_json({"commitUrl": page, "commitOid": COMMIT})
            else:
                self._send(404)

    def _create(self, wanted: dict[str, Any]) -> None:
        name = wanted["name"]
        if wanted.get("organization"):
            name = f"{wanted['organization']}/{name}"
        kind = f"{wanted.get('type') or 'model'}s"
        private = wanted.get("private") or wanted.get("visibility") == "private"
        self.hub.repos[kind, name] = Repo(is_private=bool(private))
        self._send_json({"url": self._page(kind, name), "name": name, "id": name})

    def _page(self, kind: str, name: str) -> str:
        return f"{self.hub.url}/{'' if kind == 'models' else f'{kind}/'}{name}"

    def _way(self, file: dict[str, Any]) -> dict[str, Any]:
        is_large = self.hub.sends_lfs and file["path"].endswith(LFS_SUFFIXES)
        mode = "lfs" if is_large else "regular"
        return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": None}

    def _send_lfs_batch(self, wanted: dict[str, Any]) -> None:
        objects = [
            {
                **item,
                "actions": {"upload": {"href": f"{self.hub.url}/lfs/{item['oid']}"}},
            }
            for item in wanted["objects"]
        ]
        self._send_json({"transfer": "basic", "objects": objects})

    def _commit(self, repo: Repo, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                repo.commits.append(value["summary"])
            elif line["key"] == "file":
                repo.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                repo.files[value["path"]] = self.hub.objects[value["oid"]]
                repo.lfs_files.add(value["path"])

    # answers

    def _note(self) -> None:
        time.sleep(self.hub.delay_seconds)
        self.hub.requests.append((self.command, self.path, self.headers.get("range")))

    def _refuse(self, status: int, code: str | None = None, *, message: str | None = None) -> None:
        headers = {"x-error-code": code, "x-error-message": message}
        self._send(status, headers={name: text for name, text in headers.items() if text})

    def _send_json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"content-type": "application/json"})

    def _send(
        self, status: int, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, text in {**(headers or {}), "content-length": str(len(content))}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(content)


def _card(text: str) -> Any:
    """What the YAML at the head of a card says."""
    parts = text.split("---\n")
    return yaml.safe_load(parts[1]) if text.startswith("---\n") and len(parts) > 2 else None


@contextlib.contextmanager
def serving(port: int = 0) -> Iterator[Hub]:
    """Serve a hub without any repository from a thread."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


def files_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder by their names in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def main() -> None:
    """Serve the folders that the command line names, until it is stopped."""
    port, *given = sys.argv[1:]
    with serving(int(port)) as hub:
        for item in given:
            name, _, folder = item.partition("=")
            hub.dataset(name, files_of(Path(folder)))
        sys.stdout.write(f"{hub.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
