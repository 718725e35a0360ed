"""Many sources: in this process, one after the other, or in several, which also share long videos."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from gfsalnet.models import SaliencyModel
from gfsalnet.predict.description import Outcome
from gfsalnet.predict.job import OnFrame, predict_source, silent
from gfsalnet.predict.listed import Listed
from gfsalnet.predict.settings import Settings
from gfsalnet.store import TakenError
from gfsalnet.unexpected import one_line

T = TypeVar("T")
OnWait = Callable[[TakenError], None]
"""Called before another process is waited for, with the error that says which it is and what it makes."""
_ASK_AGAIN_SECONDS = 1.0
"""How often a source that another process is at work on is asked for: each time its file is opened."""


def predict_sources(
    model: SaliencyModel,
    sources: Iterable[str | Listed],
    settings: Settings,
    on_frame: OnFrame = silent,
    on_wait: OnWait = lambda taken: None,
) -> Generator[Outcome, None, None]:
    """Predict one source after the other; one that fails does not stop the rest.

    Several processes may be given the same sources and folder: they share the work. A source that another one is at
    work on comes last, when it is waited for, and made here if the other process ends without it.
    """
    later: list[str | Listed] = []
    for source in sources:
        result = attempt(source, lambda source: predict_source(model, source, settings, on_frame))
        if isinstance(result, Outcome):
            yield result
        else:
            later.append(source)
    yield from predict_taken(model, later, settings, on_frame, on_wait)


def predict_taken(
    model: SaliencyModel,
    sources: Iterable[str | Listed],
    settings: Settings,
    on_frame: OnFrame = silent,
    on_wait: OnWait = lambda taken: None,
) -> Generator[Outcome, None, None]:
    """Wait for the processes that are at work on these sources, and predict what they leave."""
    for source in sources:
        told = ""
        while isinstance(
            result := attempt(source, lambda source: predict_source(model, source, settings, on_frame)), TakenError
        ):
            if told != str(result):  # once for each process that is waited for
                told = str(result)
                on_wait(result)
            time.sleep(_ASK_AGAIN_SECONDS)
        yield result


def attempt(source: str | Listed, predict: Callable[[str | Listed], T]) -> T | Outcome | TakenError:
    """Predict one source; whatever goes wrong with it is its outcome, and stops no others."""
    try:
        return predict(source)
    except TakenError as taken:
        return taken
    except Exception as error:
        return Outcome(source=str(source), status="failed", message=one_line(str(source), error))
