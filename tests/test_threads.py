"""Kernels over a batch, and over pass after pass of one, on any number of threads."""

import threading
import time

import pytest

from golfast.threads import over_batch, over_passes, over_ring, stay_on_this_thread


@pytest.fixture(params=[1, 2, 3, 7])
def threads(request, monkeypatch):
    monkeypatch.setenv("GOLFAST_THREADS", str(request.param))
    return request.param


@pytest.mark.parametrize("count", [0, 1, 2, 9, 100])
@pytest.mark.parametrize("smallest", [1, 8])
def test_spans_cover_a_batch_once(threads, count, smallest):
    spans = []
    over_batch(lambda start, stop: spans.append((start, stop)), count, smallest=smallest)
    assert [number for start, stop in sorted(spans) for number in range(start, stop)] == list(range(count))
    assert all(start % smallest == 0 for start, _ in spans)


@pytest.mark.parametrize("count", [0, 1, 2, 9, 100])
def test_no_pass_begins_before_the_last_has_ended(threads, count):
    begun, ended = [], []

    def kernel(number, start, stop):
        begun.append((number, len(ended)))
        time.sleep(0.0005 * (start % 3))
        ended.extend((number, item) for item in range(start, stop))

    over_passes(kernel, 5, count)
    assert sorted(ended) == [(number, item) for number in range(5) for item in range(count)]
    assert all(before >= number * count for number, before in begun)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 9])
def test_in_a_ring_nothing_begins_before_what_is_beside_it_has_ended(threads, count):
    ended, early, order = [0] * count, [], []

    def kernel(number, item, stop):
        assert stop == item + 1
        beside = {(item - 1) % count, item, (item + 1) % count}
        early.extend(other for other in beside if ended[other] < number)
        time.sleep(0.0005 * ((item + number) % 3))
        order.append((number, item))
        ended[item] = number + 1

    over_ring(kernel, 6, count)
    assert early == []
    assert sorted(order) == [(number, item) for number in range(6) for item in range(count)]


def test_a_ring_goes_on_beside_an_item_that_is_slow(monkeypatch):
    """The last item of pass 0 waits for the first of pass 1, which is not beside it: a barrier would never end."""
    monkeypatch.setenv("GOLFAST_THREADS", "2")
    gone_on = threading.Event()

    def kernel(number, item, stop):
        if (number, item) == (0, 4):
            assert gone_on.wait(20)
        if (number, item) == (1, 1):
            gone_on.set()

    over_ring(kernel, 2, 5)


def test_a_ring_that_fails_is_told(threads):
    def kernel(number, item, stop):
        if (number, item) == (2, 0):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        over_ring(kernel, 10**15, 6)


def test_a_pass_that_fails_is_the_last(threads):
    """Whoever waits for what will never end is told."""
    seen = []

    def kernel(number, start, stop):
        seen.append(number)
        if number == 2 and start == 0:
            raise ZeroDivisionError
        time.sleep(0.001)

    with pytest.raises(ZeroDivisionError):
        over_passes(kernel, 50, 16)
    assert max(seen) == 2


def test_passes_take_no_memory_before_they_are_begun(threads):
    def kernel(number, start, stop):
        if number == 3:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        over_passes(kernel, 10**15, 16)  # a list of them would take all memory there is


def test_passes_of_many_callers_do_not_wait_for_each_other(monkeypatch):
    """They share threads, and none holds one that another needs to go on."""
    monkeypatch.setenv("GOLFAST_THREADS", "3")
    totals = [0] * 6

    def call(caller):
        def kernel(number, start, stop):
            time.sleep(0.0002)
            with lock:
                totals[caller] += stop - start

        over_passes(kernel, 10, 12)

    lock = threading.Lock()
    callers = [threading.Thread(target=call, args=(caller,), daemon=True) for caller in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert totals == [120] * 6


def test_one_of_several_threads_uses_no_other(monkeypatch):
    monkeypatch.setenv("GOLFAST_THREADS", "3")
    used = set()

    def call():
        stay_on_this_thread()
        over_batch(lambda start, stop: used.add(threading.current_thread()), 100)
        over_passes(lambda number, start, stop: used.add(threading.current_thread()), 3, 100)

    caller = threading.Thread(target=call)
    caller.start()
    caller.join()
    assert used == {caller}


def test_no_more_threads_are_woken_than_there_are_spans(monkeypatch):
    monkeypatch.setenv("GOLFAST_THREADS", "300")
    before, spans = threading.active_count(), []
    over_batch(lambda start, stop: spans.append((start, stop)), 25, smallest=10)
    assert sorted(spans) == [(0, 10), (10, 20), (20, 25)]
    assert threading.active_count() <= before + 2
