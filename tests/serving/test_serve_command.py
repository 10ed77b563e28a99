"""The command: where it listens, what it says, how it stops, what it refuses at once."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest
from builders import job

from product_length.errors import UserError
from product_length.serve import serve
from product_length.serving.config import ServeJob
from product_length.serving.server import allowed_hosts, bound_socket, is_loopback


def started(*words, **options):
    command = [sys.executable, "-m", "product_length.serve", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


def test_ctrl_c_stops_it_when_what_is_in_work_is_answered(everything):
    process = started(f"checkpoint={everything}", "port=0", "device=cpu")
    try:
        line = next(line for line in process.stdout if "serving at" in line)
        assert "for this machine only (Ctrl-C stops)" in line
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)[0]
        many = [{"title": f"red rug {number} cm"} for number in range(3000)]
        answers = []

        def ask():
            body = {"products": many, "interval": None}
            answers.append(httpx.post(f"{address}predict", json=body, timeout=60, trust_env=False))

        asking = threading.Thread(target=ask)
        asking.start()
        end = time.monotonic() + 20
        while not httpx.get(f"{address}health", trust_env=False).json()["waiting"]:
            assert time.monotonic() < end
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        asking.join(10)
        assert process.returncode == 0, said
        assert said.strip().endswith("stopped")
        assert len(answers[0].json()["predictions"]) == 3000
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{address}health", trust_env=False)
    finally:
        process.kill()


def test_a_port_in_use_is_one_plain_message_before_anything_is_loaded(everything):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = started(f"checkpoint={everything}", f"port={port}", stderr=subprocess.PIPE)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said == (
        f"error: port={port}: another program listens at 127.0.0.1:{port}; choose another port, "
        "or port=0 for any that is free\n"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("checkpoint=nowhere", "nowhere: there is no such checkpoint"),
        ("device=warp", "device=warp"),
        ("host=no.such.host.invalid", "host=no.such.host.invalid: is no address of this machine"),
        ("host=192.0.2.1", "host=192.0.2.1: cannot listen there"),
    ],
)
def test_what_is_wrong_is_said(everything, tmp_path, change, said):
    words = [f"checkpoint={everything}", "port=0", change]
    with pytest.raises(UserError, match=said):
        serve(job("serve", ServeJob, *words), tmp_path, [])


def test_only_loopback_is_this_machine_s_own():
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.3.2.1", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.168.1.5", "::", "example.org")))
    assert allowed_hosts("0.0.0.0") == ["*"]
    assert "*" not in allowed_hosts("127.0.0.1")


def test_whoever_else_can_ask_is_said(caplog):
    from product_length.serving.server import say_address

    with bound_socket("0.0.0.0", 0) as bound:
        say_address("0.0.0.0", bound)
    assert "whoever reaches this machine can ask, there is no password" in caplog.text
