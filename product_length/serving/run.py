"""From checkpoints to a server that answers."""

from __future__ import annotations

import logging
import socket

from fastapi import FastAPI

from product_length.devices import choose_device
from product_length.errors import ConfigError
from product_length.pages.serve import answer_parts, front_page
from product_length.prediction.checkpoint import load_predictors
from product_length.prediction.ensemble import Ensemble
from product_length.serving.app import make_app
from product_length.serving.batching import Batcher
from product_length.serving.card import make_card
from product_length.serving.config import ServeJob
from product_length.serving.server import allowed_hosts, say_address, serve_app
from product_length.serving.service import Answer, Asked, Service
from product_length.serving.shown import front_of, shown_answer

log = logging.getLogger(__name__)

_CLOSE_SECONDS = 10


def serve_checkpoints(job: ServeJob, bound: socket.socket) -> None:
    """Load the job's checkpoints and answer at the socket until Ctrl-C."""
    app, batcher = open_app(job)
    try:
        serve_app(app, bound, lambda: say_address(job.host, bound))
    finally:
        batcher.close(timeout=_CLOSE_SECONDS)


def open_app(job: ServeJob) -> tuple[FastAPI, Batcher[Asked, Answer]]:
    """The application of the job's checkpoints, and its queue, which is to be closed."""
    device = choose_device(job.device, "device")
    members = load_predictors(job.checkpoint, job.encoders, str(device))
    service = Service(Ensemble.of(members, job.decision), device)
    job = job.model_copy(update={"interval": _default_interval(job, service)})
    service.answers([Asked({}, job.interval)])  # the first one is slow
    batcher: Batcher[Asked, Answer] = Batcher(
        service.answers,
        batch_cost=job.batch_rows,
        max_waiting=job.max_waiting,
        cost=lambda asked: asked.cost,
    )
    card = make_card(service, job.checkpoint, job.interval)
    app = make_app(
        job,
        service,
        batcher,
        card,
        allowed_hosts(job.host),
        front_page(front_of(service, card)),
        lambda answer: answer_parts(shown_answer(answer, service, job.interval)),
    )
    return app, batcher


def _default_interval(job: ServeJob, service: Service) -> float | None:
    """The interval of requests that name none; None, which is said, where there cannot be one."""
    try:
        service.check(job.interval, "none")
    except ConfigError as error:
        log.info("no intervals: %s", error)
        return None
    return job.interval
