"""Work spread over the cores: in order, with a progress bar, in bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from archstyle.common.console import progress

Task = TypeVar("Task")
Result = TypeVar("Result")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    total: int,
    description: str,
    workers: int | None = None,
    chunk: int = 16,
) -> Iterator[Result]:
    """Yield `function(task)` for each task in their order.

    Threads and not processes: Pillow, numpy and hashlib release Python's lock where the time
    goes, and nothing has to be started, copied or imported again. Tasks are taken from the
    iterable as they are needed, a few chunks of them ahead of the results.
    """
    results = spread(function, iter(tasks), workers or cores(), chunk)
    yield from progress(results, description, total)


def spread(
    function: Callable[[Task], Result], tasks: Iterator[Task], workers: int, size: int
) -> Iterator[Result]:
    """Like parallel_map, without a bar; at most 3 * workers chunks of `size` are taken ahead."""
    waiting: deque[Future[list[Result]]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        while True:
            while len(waiting) < 3 * workers and (chunk := list(islice(tasks, size))):
                waiting.append(pool.submit(lambda some: [function(task) for task in some], chunk))
            if not waiting:
                return
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
