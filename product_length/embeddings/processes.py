"""Encoding in several processes of this machine, each with its own copy of the encoder."""

import contextlib
import io
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue

import torch

from product_length.embeddings.encoder import Encoder, Marked, load_encoder
from product_length.embeddings.streams import threads_each
from product_length.errors import UserError


def encode_in_processes(
    encoder: Encoder, chunks: Iterable[Sequence[str]], devices: Sequence[torch.device]
) -> Generator[Marked, None, None]:
    """An engine with one process for each device; at most one chunk more than those is in work.

    Raises UserError when a process is ended from outside, and what the encoder raises.
    """
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    dealt: SimpleQueue[str] = context.SimpleQueue()
    for device in devices:
        dealt.put(str(device))
    # Only this process holds the other end: it closes when the encoding ends, however it ends.
    until, held = context.Pipe(duplex=False)
    arguments = (packed(encoder), dealt, threads_each(len(devices)), until)
    pool = ProcessPoolExecutor(len(devices), context, _start, arguments)
    waiting: deque[Future[Marked]] = deque()
    try:
        for chunk in chunks:
            waiting.append(pool.submit(_encode, chunk))
            if len(waiting) > len(devices):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise UserError(
            f"embeddings.workers: one of the {len(devices)} processes that encode with "
            f"{encoder.name} was ended from outside (killed, or out of memory); the same command "
            "goes on from the last finished chunk; fewer embeddings.workers need less memory"
        ) from error
    finally:
        held.close()
        pool.shutdown(cancel_futures=True)
        until.close()


def packed(encoder: Encoder) -> bytes:
    """What `Worker` makes the encoder from, its precision settled: the checks were made here."""
    state = encoder.state()
    if "precision" in state:
        state["options"] = {**state["options"], "precision": state["precision"]}
    content = io.BytesIO()
    torch.save(state, content)
    return content.getvalue()


class Worker:
    """An encoder in another process; it loads when first used, so that its faults are reported."""

    def __init__(self, content: bytes, device: str, threads: int) -> None:
        self._content = content
        self._device = device
        self._encoder: Encoder | None = None
        # Of tokenizers, which would take all cores; set before they are imported.
        os.environ["RAYON_NUM_THREADS"] = str(threads)
        torch.set_num_threads(threads)

    def encode(self, texts: Sequence[str]) -> Marked:
        """`Encoder.encode_marked`; raises UserError when the encoder cannot be loaded here."""
        if self._encoder is None:
            state = torch.load(io.BytesIO(self._content), weights_only=True)
            self._encoder = load_encoder(state, device=self._device)
        return self._encoder.encode_marked(texts)


_worker: Worker  # of a process that `encode_in_processes` started


def _start(content: bytes, dealt: "SimpleQueue[str]", threads: int, until: Connection) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    threading.Thread(target=_leave, args=(until,), daemon=True).start()
    _worker = Worker(content, dealt.get(), threads)


def _leave(until: Connection) -> None:
    """End this process when its parent has no more work, or is no more."""
    with contextlib.suppress(EOFError, OSError):
        until.recv_bytes()
    os._exit(0)


def _encode(texts: Sequence[str]) -> Marked:
    return _worker.encode(texts)
