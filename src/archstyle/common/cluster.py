"""Work spread over the machines of a Ray cluster, as `parallel.spread` does over one's cores."""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

from archstyle.common.parallel import Result, Task, spread
from archstyle.errors import ArchstyleError

CHUNK, AHEAD = 32, 4  # tasks that a process gets at a time, and such chunks on their way for a core
TRIES = 2  # more of a chunk whose process ended
LOST = "It ends the process that reads it."


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Yield the module ray, connected to the cluster at an address; raises ArchstyleError."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray

        ray.init(address, log_to_driver=False, logging_level=logging.WARNING)
    except (ModuleNotFoundError, ConnectionError, ValueError, RuntimeError) as error:
        found = f"There is no Ray cluster at {address} ({' '.join(str(error).split())})"
        raise ArchstyleError(
            f"{found}: on every machine, `pip install 'archstyle[cluster]'` and `ray start` (the "
            "first one --head), of one version and one Python; or do without one."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def spread_over(
    address: str,
    function: Callable[[Task], Result],
    tasks: Iterator[Task],
    lost: Callable[[Task], Result],
    threads: int = 2,
) -> Iterator[Result]:
    """Yield `function(task)` for each task in their order, from the cluster at an address.

    `function` is loaded once by each process, one a core, which runs `threads` tasks at a time, in
    the same folder as here. Tasks run again where their machine was lost; one that always ends its
    process gives `lost(task)`. Each result comes once. Raises ArchstyleError as `function` does.
    """
    with connected(address) as ray:
        from ray import exceptions as told

        crashed = (told.WorkerCrashedError, told.OutOfMemoryError)
        work = ray.remote(num_cpus=1, max_retries=TRIES)(_run)
        references = [ray.put(function)]  # in a list it is not loaded for each chunk anew
        begun = partial(work.remote, references, str(Path.cwd()), threads)
        waiting: deque[tuple[list[Task], Any]] = deque()
        while True:
            ahead = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))  # machines may join
            while len(waiting) < ahead and (chunk := list(islice(tasks, CHUNK))):
                waiting.append((chunk, begun(chunk)))
            if not waiting:
                return
            chunk, answer = waiting.popleft()
            try:
                yield from ray.get(answer)
            except (told.NodeDiedError, told.ObjectLostError, *crashed) as error:
                if len(chunk) == 1 and isinstance(error, crashed):
                    yield lost(chunk[0])
                else:  # which of them was it?
                    waiting.extendleft(([task], begun([task])) for task in reversed(chunk))
            except ArchstyleError as error:
                raise getattr(error, "cause", error) from None  # Ray adds a traceback to it


@cache
def _loaded(reference: Any) -> Any:
    import ray

    return ray.get(reference)


def _run(references: list[Any], folder: str, threads: int, chunk: list[Any]) -> list[Any]:
    with suppress(OSError):
        os.chdir(folder)
    return list(spread(_loaded(*references), iter(chunk), threads, 1))
