"""Servers for tests: at a free port of this machine, in a thread of the test's own process."""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from builders import job

from product_length.prediction.files import find_checkpoint
from product_length.serving.config import ServeJob
from product_length.serving.run import open_app
from product_length.serving.server import address_of, bound_socket, make_server


@dataclass(frozen=True)
class Served:
    """A server that answers: its address, its queue, a client."""

    address: str
    batcher: Any
    client: httpx.Client

    def predict(self, **body):
        """The answer to a request that is right."""
        reply = self.client.post("predict", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def refused(self, body, status=422):
        """Why a body is refused, a text: where and what of each fault."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        reply = self.client.post("predict", content=content, headers=headers)
        assert reply.status_code == status, reply.text
        detail = reply.json()["detail"]
        if isinstance(detail, str):
            return detail
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in detail)


@contextmanager
def served(*checkpoints, **options):
    """Serve these runs, over real HTTP, until the end of the block."""
    words = [f"{key}={value}" for key, value in options.items()]
    named = ",".join(str(find_checkpoint(path)) for path in checkpoints)
    options = job("serve", ServeJob, f"checkpoint=[{named}]", "port=0", "device=cpu", *words)
    bound = bound_socket(options.host, options.port)
    app, batcher = open_app(options)
    server = make_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    address = address_of(options.host, bound)
    try:
        with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
            yield Served(address, batcher, client)
    finally:
        server.should_exit = True
        thread.join(15)
        bound.close()
        batcher.close(5)
    assert not thread.is_alive()
