"""Starts, finds and stops the server. Its record and its log are in a folder."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tak_tools.errors import DeploymentError
from tak_tools.local_aws.server import HEALTH_PATH, LOOPBACK, RECORD

LOG = "server.log"
_POLL_SECONDS = 0.05
# The servers that this process has started: an ended child stays in the process table until its parent waits for it.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Server:
    """A running server."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"


def status(folder: Path) -> Server | None:
    """The running server of `folder`. The record of one that has crashed is removed."""
    path = folder / RECORD
    try:
        server = Server(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    # Another program may have the process ID now; so the server is asked for its own.
    if _pid_at(server.port) == server.pid:
        return server
    path.unlink(missing_ok=True)
    return None


def start(folder: Path, port: int = 0, *, wait_seconds: float = 30) -> Server:
    """Starts the server of `folder` where it does not run, and returns when it answers. Port 0 takes a free port.

    Raises DeploymentError where it does not start. Then, and after a KeyboardInterrupt, no process is left.
    """
    running = status(folder)
    if running:
        return running
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / LOG
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "tak_tools.local_aws.server", str(port), str(folder.resolve())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C at the keyboard goes to the command, which stops the server itself.
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + wait_seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise DeploymentError(f"the local AWS did not start: {_last_line(log)}")
            server = status(folder)
            if server and server.pid == process.pid:
                _children[process.pid] = process
                return server
            time.sleep(_POLL_SECONDS)
        raise DeploymentError(f"the local AWS did not answer within {wait_seconds:g} s; its log is {log}")
    except BaseException:
        process.kill()
        process.wait()
        (folder / RECORD).unlink(missing_ok=True)
        raise


def stop(folder: Path, *, wait_seconds: float = 5) -> bool:
    """Stops the server of `folder`, and returns when it has ended; False where none runs."""
    server = status(folder)
    if server is None:
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, number)
        deadline = time.monotonic() + wait_seconds
        while time.monotonic() < deadline:
            if not _exists(server.pid):
                (folder / RECORD).unlink(missing_ok=True)
                return True
            time.sleep(_POLL_SECONDS)
    raise DeploymentError(f"the local AWS (process {server.pid}) does not stop")


def _pid_at(port: int) -> int | None:
    """The process ID that the server at `port` answers; None where it is not this server."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", HEALTH_PATH)
        return json.loads(connection.getresponse().read())["pid"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()


def _exists(pid: int) -> bool:
    if pid in _children:
        return _children[pid].poll() is None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").strip().splitlines()
    return lines[-1] if lines else "its log is empty"
