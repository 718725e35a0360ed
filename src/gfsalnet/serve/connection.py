"""A connection that nobody holds for nothing: the head of a request has its time, and so has a client to read."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gfsalnet.serve.problems import Problem

HEAD_SECONDS = 15.0
"""From the begin of a connection, or the end of the answer before, until the head of a request is complete."""
LINGER_SECONDS = 5.0
"""How long a body is still taken in that was answered before its end: whoever sends it reads the answer afterwards."""
STALL_SECONDS = 60.0
"""How long a client may read nothing of what it is sent."""

_Phase = Literal["head", "linger"]


class Connection(H11Protocol):
    """Uvicorn's, with bounds; those that have not asked for anything make room for new ones.

    The most connections at the same time are Uvicorn's `limit_concurrency`.
    """

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._most, self.limit_concurrency = self.limit_concurrency, None  # Uvicorn would refuse the new ones
        self._phase: _Phase | None = None
        self._phase_ends: asyncio.TimerHandle | None = None
        self._stall_ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as Uvicorn has it
        """Take it, if need be in the place of the one that has waited longest without asking for anything."""
        super().connection_made(transport)
        self._watch()
        if self._most is None or len(self.connections) <= self._most:
            return
        idle = [one for one in self.connections if isinstance(one, Connection) and one is not self and one.is_idle]
        if idle:
            oldest = min(idle, key=lambda one: one.idle_until)
            self.connections.discard(oldest)
            oldest.transport.abort()
        else:
            self._refuse(503, "The server has as many connections as it takes: try again later.")

    @property
    def is_idle(self) -> bool:
        """Whether it has not asked for anything yet, or not again."""
        return self._phase == "head"

    @property
    def idle_until(self) -> float:
        """The time of the loop at which it is closed, where it is idle."""
        return float("inf") if self._phase_ends is None else self._phase_ends.when()

    def data_received(self, data: bytes) -> None:
        """Take in what the client sends."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._enter(None)
        self._stop_stall_clock()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """What is to be sent piles up: the client has some time to read it."""
        super().pause_writing()
        self._stall_ends = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads."""
        self._stop_stall_clock()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, msg)

    def _watch(self) -> None:
        """Set the clock by what the client has to do next."""
        if self.transport.is_closing():
            self._enter(None)
        elif self.conn.their_state is h11.IDLE:
            self._enter("head")
        elif self.conn.their_state is h11.SEND_BODY and self.cycle is not None and self.cycle.response_complete:
            self._enter("linger")
        else:
            self._enter(None)

    def _enter(self, phase: _Phase | None) -> None:
        if phase == self._phase:
            return
        if self._phase_ends is not None:
            self._phase_ends.cancel()
        self._phase, self._phase_ends = phase, None
        if phase is not None:
            seconds = HEAD_SECONDS if phase == "head" else LINGER_SECONDS
            self._phase_ends = self.loop.call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if self._phase == "head" and self.conn.trailing_data[0]:
            self._refuse(408, f"The head of the request has not come within {HEAD_SECONDS:.0f} seconds.")
        else:
            self.transport.close()

    def _stop_stall_clock(self) -> None:
        if self._stall_ends is not None:
            self._stall_ends.cancel()
            self._stall_ends = None

    def _refuse(self, status: int, detail: str) -> None:
        """Answer with a problem document, if that can still be done, and close."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # whoever was to answer need not
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._say(status, detail)
        self.transport.close()

    def _say(self, status: int, detail: str) -> None:
        answer = Problem(status, detail, {"connection": "close"}).response()
        events = (
            h11.Response(status_code=status, headers=answer.raw_headers),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
