"""The web application: its addresses, what it refuses, its page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from product_length.errors import UserError
from product_length.serving.batching import Batcher, BusyError, ClosedError
from product_length.serving.card import ModelCard
from product_length.serving.config import ServeJob
from product_length.serving.messages import (
    Health,
    PredictReply,
    PredictRequestBase,
    Refused,
    predicted_of,
    request_model,
)
from product_length.serving.service import Answer, Asked, Service
from product_length.version import __version__

_SHOWN_FAULTS = 20
_AGAIN_AFTER = "1"
_REFUSALS: dict[int | str, dict[str, Any]] = {
    413: {"model": Refused, "description": "The body is larger than is allowed."},
    422: {"model": Refused, "description": "The body is wrong: what, and where."},
    503: {"model": Refused, "description": "Too many requests wait: come again."},
}
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
Page = Callable[[Answer], dict[str, Any]]
"""What the page shows of an answer."""


def make_app(
    job: ServeJob,
    service: Service,
    batcher: Batcher[Asked, Answer],
    card: ModelCard,
    hosts: Sequence[str],
    page: str,
    shown: Page,
) -> FastAPI:
    """The application. `hosts`: names by which it may be asked; `page`: HTML at `/`."""
    app = FastAPI(
        title="product_length",
        version=__version__,
        description=f"{service.ensemble.in_words()}. The model: `/model`. A page for people: `/`.",
        # The documentation pages of FastAPI load scripts from elsewhere; openapi.json stays.
        docs_url=None,
        redoc_url=None,
    )
    default = job.interval
    wanted = request_model(
        service.inputs,
        max_rows=job.max_rows,
        max_reasons=job.max_reasons,
        max_characters=job.max_characters,
        interval=default,
    )
    _add_predict(app, job, service, batcher, wanted)
    _add_page(app, service, batcher, wanted, default, page, shown)

    @app.get("/health", summary="Whether the server answers")
    async def health() -> Health:
        return Health(waiting=batcher.waiting)

    @app.get("/model", summary="What the model is, what it reads, how good it is")
    async def model() -> ModelCard:
        return card

    app.add_exception_handler(RequestValidationError, _wrong_body)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(LimitedBody, most=int(job.max_body_mb * 1_000_000))
    return app


def _add_predict(
    app: FastAPI,
    job: ServeJob,
    service: Service,
    batcher: Batcher[Asked, Answer],
    wanted: type[PredictRequestBase],
) -> None:
    async def predict(request: Annotated[Any, Body()]) -> Response:
        asked = request.asked(job.interval)
        _check(service, asked, job.max_reasons)
        answers = await _answered(batcher, asked)
        ids = request.ids()
        reply = PredictReply(
            target=service.ensemble.target,
            unit=str(service.ensemble.unit),
            decision=None if service.ensemble.decision == "auto" else service.ensemble.decision,
            predictions=[
                predicted_of(answer, product_id, each, service.ensemble.unit)
                for answer, product_id, each in zip(answers, ids, asked, strict=True)
            ],
        )
        # Not through FastAPI, which would validate ten thousand answers once more.
        return Response(reply.model_dump_json(), media_type="application/json")

    predict.__annotations__["request"] = Annotated[wanted, Body()]
    predict.__annotations__["return"] = Response
    app.post(
        "/predict",
        summary="The lengths of products, with intervals and reasons if asked for",
        response_model=PredictReply,
        responses=_REFUSALS,
    )(predict)


def _add_page(
    app: FastAPI,
    service: Service,
    batcher: Batcher[Asked, Answer],
    wanted: type[PredictRequestBase],
    default: float | None,
    page: str,
    shown: Page,
) -> None:
    single = len(service.ensemble.members) == 1

    async def show(request: Annotated[Any, Body()]) -> JSONResponse:
        (asked, *_) = request.asked(default)
        one = Asked(asked.product, asked.interval, "words" if single else "none", True)
        (answer,) = await _answered(batcher, [one])
        return JSONResponse(shown(answer), headers=_HEADERS)

    show.__annotations__["request"] = Annotated[wanted, Body()]
    show.__annotations__["return"] = JSONResponse
    app.post("/page", include_in_schema=False)(show)

    @app.get("/", include_in_schema=False)
    async def front() -> HTMLResponse:
        return HTMLResponse(page, headers=_HEADERS)


def _check(service: Service, asked: Sequence[Asked], max_reasons: int) -> None:
    """Raise a 422 where the recipe cannot have what is asked, or too many reasons are."""
    first = asked[0]
    if first.reasons != "none" and len(asked) > max_reasons:
        said = f"reasons of up to {max_reasons:,} products at a time, not of {len(asked):,}"
        raise _refused("reasons", said)
    try:
        service.check(first.interval, first.reasons)
    except UserError as error:
        raise _refused(str(error).partition("=")[0].partition(":")[0], str(error)) from None


def _refused(key: str, said: str) -> HTTPException:
    return HTTPException(422, [{"loc": ["body", key], "msg": said, "type": "value_error"}])


async def _answered(batcher: Batcher[Asked, Answer], asked: Sequence[Asked]) -> list[Answer]:
    """What the queue answers. Raises HTTPException in words where it does not."""
    try:
        return await asyncio.wrap_future(batcher.submit(asked))
    except BusyError:
        raise HTTPException(
            503, "too many requests wait; come again", {"Retry-After": _AGAIN_AFTER}
        ) from None
    except ClosedError:
        raise HTTPException(503, "the server stops", {"Retry-After": _AGAIN_AFTER}) from None
    except UserError as error:
        raise HTTPException(500, str(error)) from None


async def _wrong_body(_: Request, error: Exception) -> JSONResponse:
    """What is wrong with a body, and where; what was sent is not sent back."""
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    said = [
        {
            "loc": [_plain(part) for part in fault["loc"]],
            "msg": _plain(fault["msg"]),
            "type": fault["type"],
        }
        for fault in faults[:_SHOWN_FAULTS]
    ]
    if len(faults) > _SHOWN_FAULTS:
        more = f"and {len(faults) - _SHOWN_FAULTS:,} faults more"
        said.append({"loc": ["body"], "msg": more, "type": "value_error"})
    return JSONResponse({"detail": said}, 422)


def _plain(part: Any) -> Any:
    """A text that can be written as UTF-8, whatever a request had as a key."""
    return part.encode("utf-8", "replace").decode() if isinstance(part, str) else part


class LimitedBody:
    """Refuses bodies of more than `most` bytes (413), as soon as they are known to be."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, see ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = f"the body is larger than {self._most:,} bytes; send the products in parts"
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._most:
            await JSONResponse({"detail": said}, 413)(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._most:
                raise StarletteHTTPException(413, said)
            return message

        await self._app(scope, counted, send)
