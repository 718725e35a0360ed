from __future__ import annotations

import threading
import time
import traceback

import pytest

from gfsalnet.video import open_source, prefetch


def workers():
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert workers() == []


class Producer:
    """Counts up; knows what became of it."""

    def __init__(self, count=10**9, fail_at=None):
        self.made, self.closed, self.count, self.fail_at = 0, False, count, fail_at

    def __iter__(self):
        try:
            for item in range(self.count):
                if item == self.fail_at:
                    raise LookupError("the producer broke")
                self.made += 1
                yield item
        finally:
            self.closed = True


@pytest.mark.parametrize("depth", [1, 3, 100])
def test_everything_in_order(depth):
    producer = Producer(50)
    assert list(prefetch(producer, depth)) == list(range(50))
    assert producer.closed
    assert list(prefetch([], depth)) == []


def test_it_works_ahead_but_not_further_than_told():
    producer = Producer()
    items = prefetch(producer, 4)
    next(items)
    deadline = time.monotonic() + 5
    while producer.made < 6 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert producer.made == 6  # one taken, four waiting, one in hand
    items.close()


def test_exceptions_come_after_the_items_before_and_with_their_traceback():
    items = prefetch(Producer(fail_at=2), 5)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(LookupError, match="the producer broke") as raised:
        next(items)
    assert any(entry.name == "__iter__" for entry in traceback.extract_tb(raised.value.__traceback__))


def test_early_close_stops_the_thread_and_closes_the_producer():
    producer = Producer()
    items = prefetch(producer, 2)
    assert [next(items), next(items)] == [0, 1]
    items.close()
    assert producer.closed
    assert workers() == []


def test_leaving_a_loop_is_enough():
    producer = Producer()
    for item in prefetch(producer, 2):
        if item == 3:
            break
    assert producer.closed


def test_an_interrupt_of_the_consumer():
    producer = Producer()
    items = prefetch(producer, 2)
    next(items)
    with pytest.raises(KeyboardInterrupt):
        items.throw(KeyboardInterrupt())
    assert producer.closed


def test_an_interrupt_in_the_producer_reaches_the_consumer():
    def interrupted():
        yield 1
        raise KeyboardInterrupt

    items = prefetch(interrupted(), 2)
    assert next(items) == 1
    with pytest.raises(KeyboardInterrupt):
        next(items)


def test_depth_must_be_positive():
    with pytest.raises(ValueError, match="at least 1"):
        prefetch([1], 0)


@pytest.mark.slow
def test_a_reader_may_be_closed_while_it_is_read_ahead(encode):
    path = encode("a.mp4", 200)
    for _ in range(5):
        with open_source(str(path)) as reader:
            items = prefetch(reader, 3)
            next(items)
        items.close()
    with open_source(str(path)) as reader:
        assert sum(1 for _ in prefetch(reader, 3)) == 200
        assert reader.report.frames_read == 200


class Hurried:
    """Like a camera: once the first item is taken, the rest comes at once, and then perhaps an error."""

    def __init__(self, count, error=None):
        self.count, self.error = count, error
        self.first_is_taken, self.all_are_made = threading.Event(), threading.Event()

    def __iter__(self):
        yield 0
        assert self.first_is_taken.wait(10)
        yield from range(1, self.count)
        self.all_are_made.set()
        if self.error is not None:
            raise self.error


def slowly(producer, depth):
    """What a consumer gets who comes back for the second item only when all are made, and how many were dropped."""
    dropped = []
    items = prefetch(producer, depth, on_drop=lambda: dropped.append(1))
    yield next(items)
    producer.first_is_taken.set()
    assert producer.all_are_made.wait(10)
    yield from items
    yield f"{len(dropped)} dropped"


@pytest.mark.parametrize(
    ("depth", "expected"), [(1, [0, 9, "8 dropped"]), (3, [0, 7, 8, 9, "6 dropped"]), (9, [*range(10), "0 dropped"])]
)
def test_a_slow_consumer_of_a_camera_gets_the_newest_in_order(depth, expected):
    assert list(slowly(Hurried(10), depth)) == expected


def test_an_error_arrives_after_the_newest_items():
    found = slowly(Hurried(10, LookupError("unplugged")), 2)
    assert [next(found), next(found), next(found)] == [0, 8, 9]
    with pytest.raises(LookupError, match="unplugged"):
        next(found)


def test_a_fast_consumer_of_a_camera_gets_everything():
    taken = threading.Semaphore(0)

    def unhurried():
        for item in range(50):
            yield item
            assert taken.acquire(timeout=10)

    dropped, found = [], []
    for item in prefetch(unhurried(), 1, on_drop=lambda: dropped.append(1)):
        found.append(item)
        taken.release()
    assert found == list(range(50))
    assert dropped == []


def test_what_is_dropped_and_what_is_taken_is_all_there_was():
    """With nothing to keep the two threads in step."""
    producer, dropped, found = Producer(2000), [], []
    for item in prefetch(producer, 2, on_drop=lambda: dropped.append(1)):
        found.append(item)
        if item % 7 == 0:
            time.sleep(0.001)
    assert found == sorted(set(found))
    assert found[-1] == 1999
    assert len(found) + len(dropped) == producer.made == 2000


def test_a_camera_that_never_ends_is_let_go_of():
    producer = Producer()
    items = prefetch(producer, 1, on_drop=lambda: None)
    next(items)
    items.close()
    assert producer.closed
    assert workers() == []
