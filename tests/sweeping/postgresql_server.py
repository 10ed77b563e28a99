"""A PostgreSQL of the system's own packages, for the time of a test."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

PASSWORD = "Zq7kept4back"


def _programs():
    """The folder of initdb and postgres; Debian has it for each version."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    folders = [each for each in folders if (each / "initdb").exists()]
    if not folders:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    return folders[0]


def _owner():
    """What starts a process as the user of the server, which refuses to run as root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid(), {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    return user.pw_uid, user.pw_gid, {"user": user.pw_uid, "group": user.pw_gid}


@contextlib.contextmanager
def postgresql():
    """The URL of an empty database, with the password in it."""
    pytest.importorskip("psycopg", reason="the driver is missing: pip install 'psycopg[binary]'")
    programs, (uid, gid, as_owner) = _programs(), _owner()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # those of pytest are closed to other users
    try:
        os.chown(folder, uid, gid)
        (folder / "password").write_text(PASSWORD)
        os.chown(folder / "password", uid, gid)
        options = {**as_owner, "cwd": folder}
        make = [programs / "initdb", "-D", folder / "data", "-U", "sweeper", "-A", "scram-sha-256"]
        make += ["--pwfile", folder / "password", "-N", "-E", "UTF8", "--locale=C"]
        subprocess.run(make, check=True, capture_output=True, **options)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        start = [programs / "postgres", "-D", folder / "data", "-p", str(port), "-F", "-k", folder]
        start += ["-c", "listen_addresses=127.0.0.1"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(start, stdout=log, stderr=log, **options)
        try:
            _wait(server, port, folder / "log")
            yield f"postgresql+psycopg://sweeper:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(5)  # until the last session has ended
            server.send_signal(signal.SIGINT)
            server.wait(30)
    finally:
        shutil.rmtree(folder)


def _wait(server, port, log):
    """Until the server lets its user in."""
    import psycopg

    given = {"host": "127.0.0.1", "port": port, "user": "sweeper", "password": PASSWORD}
    end = time.monotonic() + 60
    connected = False
    while not connected:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(**given, dbname="postgres").close()
            connected = True
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.1)
