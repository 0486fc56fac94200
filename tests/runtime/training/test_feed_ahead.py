import threading

import pytest

from runtime.training import feed_ahead


class Feed:
    """Says what it was asked for, and may be held up."""

    def __init__(self):
        self.asked, self.threads = [], set()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, first, stop):
        self.threads.add(threading.current_thread())
        self.asked.append((first, stop))
        assert self.may_go_on.wait(10)
        if first < 0:
            raise ValueError("no such update")
        return f"batches of {first}-{stop}"


@pytest.fixture
def feed():
    return Feed()


def test_what_was_made_early_is_handed_out_once_it_is_asked_for(feed):
    with feed_ahead.opened(feed) as ahead:
        assert ahead.take((0, 4)) == "batches of 0-4"
        ahead.prepare((4, 8))
        assert ahead.take((4, 8)) == "batches of 4-8"
        assert ahead.take((8, 9)) == "batches of 8-9"
    assert feed.asked == [(0, 4), (4, 8), (8, 9)]


def test_it_is_made_while_the_caller_does_something_else(feed):
    feed.may_go_on.clear()
    with feed_ahead.opened(feed) as ahead:
        ahead.prepare((4, 8))  # comes back at once
        feed.may_go_on.set()
        assert ahead.take((4, 8)) == "batches of 4-8"


def test_one_thread_calls_the_feed_and_ends_with_the_run(feed):
    with feed_ahead.opened(feed) as ahead:
        ahead.take((0, 1))
        ahead.prepare((1, 2))
        ahead.take((1, 2))
    [thread] = feed.threads
    assert thread is not threading.current_thread()
    assert not thread.is_alive()


def test_what_is_not_wanted_after_all_is_dropped(feed):
    with feed_ahead.opened(feed) as ahead:
        ahead.prepare((4, 8))
        assert ahead.take((5, 8)) == "batches of 5-8"
        assert ahead.take((4, 8)) == "batches of 4-8"
    assert feed.asked.count((4, 8)) == 2


def test_a_failure_comes_when_its_batches_are_asked_for(feed):
    with feed_ahead.opened(feed) as ahead:
        ahead.prepare((-1, 0))
        assert ahead.take((0, 1)) == "batches of 0-1"
        ahead.prepare((-1, 0))
        with pytest.raises(ValueError, match="no such update"):
            ahead.take((-1, 0))
