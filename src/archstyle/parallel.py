"""Work spread over the cores: in order, with a progress bar, in bounded memory."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from archstyle.console import progress
from archstyle.errors import ArchstyleError

Task = TypeVar("Task")
Result = TypeVar("Result")
CHUNK = 32
# Below this many tasks a core, starting processes costs more than it saves.
WORTHWHILE = 128


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parallel_map(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    total: int,
    description: str,
    processes: int | None = None,
) -> Iterator[Result]:
    """Yield `function(task)` for each task in their order.

    `function` must be picklable: a module's own function, or a partial of one. Tasks are taken
    from the iterable as they are needed, a few chunks ahead of the results.
    """
    processes = min(processes or cores(), max(1, total // WORTHWHILE))
    results = map(function, tasks) if processes == 1 else _spread(function, tasks, processes)
    yield from progress(results, description, total)


def _spread(
    function: Callable[[Task], Result], tasks: Iterable[Task], processes: int
) -> Iterator[Result]:
    # Plain forking is unsafe next to the threads of numpy and Pillow; a fork server is not.
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    chunks = _chunks(tasks)
    waiting: deque[Future[list[Result]]] = deque()
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        try:
            for chunk in islice(chunks, 4 * processes):
                waiting.append(pool.submit(_run, function, chunk))
            while waiting:
                done = waiting.popleft().result()
                for chunk in islice(chunks, 1):
                    waiting.append(pool.submit(_run, function, chunk))
                yield from done
        except BrokenProcessPool as error:
            raise ArchstyleError(
                "A worker process died, most likely for want of memory: "
                "close other programs and run this again."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _run(function: Callable[[Task], Result], chunk: list[Task]) -> list[Result]:
    return [function(task) for task in chunk]


def _chunks(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    iterator = iter(tasks)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
