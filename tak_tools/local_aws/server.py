"""The server: AWS's API on loopback, answered by Moto in this process.

    python -m tak_tools.local_aws.server PORT STATE_FOLDER

Moto handles requests as it handles those of boto3 under `mock_aws`, so the local AWS and the simulated
AWS are the same. Moto's own server needs Flask, and answers 500 where Moto fails, which clients take for a
temporary failure: they retry for minutes. This server answers 501.

It also accepts requests as an HTTP proxy does, but forwards none: no request leaves the machine.
"""

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

LOOPBACK = "127.0.0.1"
HEALTH_PATH = "/tak-base/health"
RECORD = "server.json"
"""The file in the state folder with the `pid` and the `port` of the running server."""

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_ACCOUNT_HOST = re.compile(r"(?P<account>\d{12})\.")
# Services whose signing name is not the first part of their host name.
_HOSTS = {"ecr": "api.ecr"}
_GLOBAL_HOSTS = {"iam": "iam.amazonaws.com", "route53": "route53.amazonaws.com"}
_ONE_CONNECTION = frozenset({"connection", "content-length", "transfer-encoding"})


class LocalAws(ThreadingHTTPServer):
    """Listens as soon as it is created. Port 0 takes a free port."""

    daemon_threads = True
    # A port of another program is an error, even where the system would let two programs listen.
    allow_reuse_port = False

    def __init__(self, port: int) -> None:
        # Before Moto is loaded, which takes a second: a port in use is reported at once.
        super().__init__((LOOPBACK, port), _Handler)
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
        from moto.core.botocore_stubber import BotocoreStubber

        from tak_tools.moto_gaps import CLOUDFORMATION, close_gaps

        close_gaps(CLOUDFORMATION)
        self._moto = BotocoreStubber()
        # Moto's models are made for one thread.
        self._lock = threading.Lock()

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any, Any]:
        """Moto's answer to a request that AWS would get at `url`: status, headers, body."""
        from botocore.awsrequest import AWSPreparedRequest

        fields: Any = headers
        request = AWSPreparedRequest(method, url, fields, body, False)
        try:
            with self._lock:
                answer = self._moto.process_request(request)
        except Exception as error:
            return _refusal(f"Moto failed at {method} {url}: {type(error).__name__}: {error}")
        if answer is None or answer[2] == "Not yet implemented":
            return _refusal(f"Moto does not implement {method} {url}")
        return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Sends headers and body in one packet.
    wbufsize = -1

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def handle_expect_100(self) -> bool:
        # Otherwise the client would wait a second for the buffered answer 100.
        accepted = super().handle_expect_100()
        self.wfile.flush()
        return accepted

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if path == HEALTH_PATH:
            self._send(200, {"Content-Type": "application/json"}, json.dumps({"pid": os.getpid()}))
            return
        headers = dict(self.headers.items())
        host = aws_host(headers)
        if host is None or self.headers.get("Transfer-Encoding") or self.command == "CONNECT":
            self._send(*_refusal(f"only signed requests to AWS's API: found {self.command} {self.path}"))
            return
        # A client that uses this server as a proxy sends a whole URL as the path.
        target = self.path if self.path.startswith("/") else re.sub(r"^\w+://[^/]*", "", self.path)
        aws: Any = self.server
        self._send(*aws.answer(self.command, f"https://{host}{target}", headers, body))

    def _send(self, status: int, headers: Mapping[str, Any], body: str | bytes | Iterable[bytes]) -> None:
        content = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b"".join(body)
        self.send_response_only(int(status))
        without_body = self.command == "HEAD" or int(status) in (204, 304)
        for name, value in headers.items():
            if without_body or name.lower() not in _ONE_CONNECTION:
                self.send_header(name, str(value))
        if not without_body:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not without_body:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Logs no request: the log is for failures."""


def aws_host(headers: Mapping[str, str]) -> str | None:
    """The host of AWS to which a request would have gone, from its signature; None for an unsigned request."""
    scope = _SCOPE.search(headers.get("Authorization") or "")
    if scope is None:
        return None
    service, region = scope["service"], scope["region"]
    account = _ACCOUNT_HOST.match(headers.get("Host") or "")
    if service == "s3" and (account or headers.get("x-amz-account-id")):
        # S3 Control has the signing name of S3; its client puts the account before the endpoint's host name.
        return f"{account['account'] if account else headers['x-amz-account-id']}.s3-control.{region}.amazonaws.com"
    return _GLOBAL_HOSTS.get(service) or f"{_HOSTS.get(service, service)}.{region}.amazonaws.com"


def _refusal(message: str) -> tuple[int, dict[str, str], str]:
    """An error that clients do not retry. Not every client reads the XML, so the log has the error too."""
    line = " ".join(message.split())
    print(line, file=sys.stderr, flush=True)
    text = escape(line)
    return (
        501,
        {"Content-Type": "text/xml", "x-amzn-ErrorType": "NotImplemented"},
        f"<ErrorResponse><Error><Code>NotImplemented</Code><Message>{text}</Message></Error></ErrorResponse>",
    )


def main(port: int, folder: Path) -> None:
    """Serves until SIGTERM or SIGINT. The record exists as long as the server listens."""
    try:
        server = LocalAws(port)
    except OSError as error:
        sys.exit(f"{LOOPBACK}:{port}: {error.strerror}")
    record = folder / RECORD
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        draft = folder / f"{RECORD}.{os.getpid()}"
        draft.write_text(json.dumps({"pid": os.getpid(), "port": server.server_address[1]}), encoding="utf-8")
        draft.replace(record)
        server.serve_forever()
    finally:
        record.unlink(missing_ok=True)
        server.server_close()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
