"""The real thing: `python -m serving` as `make serve` runs it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from archstyle.registry.promotion import promote, register_candidate, rollback
from serving.gunicorn import PAUSE_SECONDS, BoundedSocket
from tests.serving_project import (
    ROOT,
    RunningServer,
    altered,
    free_port,
    install_for,
    photo,
    running_server,
)
from tests.tracking_project import empty_database, facades, install_bundle, project

__all__ = ["empty_database", "facades", "project"]


def children(process: int) -> dict[int, str]:
    """Return {pid: command line} of a process's own children that run."""
    found = psutil.Process(process).children()
    return {c.pid: " ".join(c.cmdline()) for c in found if c.status() != psutil.STATUS_ZOMBIE}


def is_running(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_log(server: RunningServer, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in (log := server.log.read_text()):
        assert time.monotonic() < deadline, log
        time.sleep(0.1)


def wait_until_gone(processes: list[int]) -> None:
    deadline = time.monotonic() + 20
    while any(is_running(process) for process in processes):
        assert time.monotonic() < deadline, [p for p in processes if is_running(p)]
        time.sleep(0.1)


def test_serves_the_cached_bundle_swaps_it_and_stops_whole(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    install_for(tmp_path, tiny_bundle, "1")
    with running_server(tmp_path) as server:
        assert json.loads(server.get("/readyz")[1])["model"]["version"] == "1"
        install_for(tmp_path, altered(tiny_bundle, tmp_path / "b", name="better"), "2")
        server.wait_for("/api/v1/model", '"version":"2"')

        # A damaged bundle changes nothing.
        broken = shutil.copytree(tiny_bundle, tmp_path / "broken")
        (broken / "model.tflite").write_bytes(b"x")
        install_for(tmp_path, broken, "3")
        wait_for_log(server, "version 3 is not used")
        assert json.loads(server.get("/readyz")[1])["model"]["version"] == "2"

        # A follower that ends is started again; a killed worker too.
        started = children(server.process.pid)
        follower = next(pid for pid, command in started.items() if "follower" in command)
        gunicorn = next(pid for pid, command in started.items() if "gunicorn" in command)
        workers = list(children(gunicorn))
        os.kill(follower, signal.SIGTERM)
        os.kill(workers[0], signal.SIGKILL)
        wait_until_gone([follower])
        assert server.get("/healthz")[0] == 200
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(90) == 0
        wait_until_gone([*started, *workers])


def close_the_terminal(server: RunningServer, terminal: int) -> None:
    os.close(terminal)


def kill_the_parent(server: RunningServer, terminal: int) -> None:
    server.process.kill()


def kill_gunicorn(server: RunningServer, terminal: int) -> None:
    started = children(server.process.pid)
    os.kill(next(pid for pid, command in started.items() if "gunicorn" in command), signal.SIGKILL)


@pytest.mark.parametrize("ending", [close_the_terminal, kill_the_parent, kill_gunicorn])
def test_whatever_ends_one_ends_all_and_frees_the_port(
    tmp_path: Path, ending: Callable[[RunningServer, int], None]
) -> None:
    ours, theirs = os.openpty()
    with running_server(tmp_path, theirs) as server:
        os.close(theirs)
        server.get("/readyz")
        processes = [p.pid for p in psutil.Process(server.process.pid).children(recursive=True)]
        assert len(processes) == 3  # gunicorn, a worker, the follower
        ending(server, ours)
        assert server.process.wait(90) in (0, 1, -signal.SIGKILL)
        wait_until_gone(processes)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", server.port))


def test_nohup_keeps_it_alive_when_the_terminal_closes(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        server = RunningServer(tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    try:
        server.get("/healthz")
        server.process.send_signal(signal.SIGHUP)
        assert server.get("/healthz")[0] == 200
        assert server.process.poll() is None
    finally:
        assert server.stop() == 0


def test_killed_follower_is_started_again(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        server.get("/healthz")

        def follower() -> int | None:
            started = children(server.process.pid).items()
            return next((pid for pid, command in started if "follower" in command), None)

        killed = follower()
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while follower() in (killed, None):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_starts_without_a_model_and_takes_one_up(tmp_path: Path, tiny_bundle: Path) -> None:
    with running_server(tmp_path) as server:
        status, page = server.get("/")
        assert status == 503
        assert "make run" in page
        install_for(tmp_path, tiny_bundle, "1")
        server.wait_for("/readyz", '"status":"ready"')
        assert server.get("/")[0] == 200
        follower = "The registry has no champion yet."
        server.wait_for("/readyz", follower)


def test_follows_the_champion_of_a_real_registry(project: Path, tiny_bundle: Path) -> None:
    registered = register_candidate(project, 0.01)
    folder = project / "server"  # with a cache of its own: it has to come from the registry
    folder.mkdir()
    with running_server(folder, MLFLOW_TRACKING_URI=f"sqlite:///{project}/mlflow.db") as server:
        server.wait_for("/readyz", f'"run_id":"{registered["run_id"]}"')
        server.wait_for("/readyz", "Version 1 is the champion.")
        install_bundle(project, tiny_bundle, drawn=True)
        promote(register_candidate(project, 0.01)["version"])
        server.wait_for("/readyz", '"version":"2"')
        rollback()
        server.wait_for("/readyz", '"version":"1"')


def test_a_champion_of_photos_takes_over_from_the_released_model_and_stays(
    project: Path, tiny_bundle: Path
) -> None:
    folder = project / "server"
    folder.mkdir()
    box = altered(tiny_bundle, folder / "released", drawn=False)
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{project}/mlflow.db"}
    with running_server(folder, None, ARCHSTYLE_RELEASED=str(box), **store) as server:
        assert '"answers":"the released model"' in server.get("/readyz")[1]
        register_candidate(project, 0.01)
        server.wait_for("/readyz", '"answers":"version 1"')
        (project / "mlflow.db").unlink()
        server.wait_for("/readyz", "The registry has no champion yet.")
        assert '"answers":"version 1"' in server.get("/healthz")[1]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: Path) -> Iterator[RunningServer]:
    """A server for tests that change nothing about it."""
    folder = tmp_path_factory.mktemp("running")
    install_for(folder, tiny_bundle, "1")
    with running_server(folder, ARCHSTYLE_MAX_MEGABYTES="1") as server:
        server.wait_for("/readyz", '"status":"ready"')
        yield server


def ask(server: RunningServer, request: bytes) -> str:
    """Send bytes as they are and return all of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as client:
        client.sendall(request)
        answer = b""
        while part := client.recv(65536):
            answer += part
    return answer.decode()


def head(length: int, path: str = "/api/v1/predict") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    ).encode()


def upload() -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    body = part + photo("gothic") + b"\r\n--b--\r\n"
    return head(len(body)) + body


def test_too_big_an_upload_gets_its_answer_while_still_sending(running: RunningServer) -> None:
    answer = ask(running, head(12_000_000) + b"x" * 12_000_000)
    assert answer.startswith("HTTP/1.1 413 ")
    assert "1 MB" in answer


@pytest.mark.parametrize(
    "sent", [upload()[:-2000], upload()[:60], head(12_000_000, "/nothing"), b""]
)
def test_others_are_answered_while_two_dozen_uploads_stop_half_way(
    running: RunningServer, sent: bytes
) -> None:
    with ExitStack() as clients:
        for _ in range(24):
            client = socket.create_connection(("127.0.0.1", running.port), 30)
            clients.enter_context(client).sendall(sent)
        start = time.monotonic()
        assert running.get("/healthz")[0] == 200
        assert '"style":"gothic"' in ask(running, upload())
        assert running.get("/readyz")[0] == 200
        assert time.monotonic() - start < PAUSE_SECONDS / 2


def test_client_that_stops_half_way_is_given_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, BoundedSocket(fileno=theirs.detach()) as bounded:
        bounded.pause = 0.1
        ours.sendall(b"half")
        assert bounded.recv(100) == b"half"
        assert bounded.recv(100) == b""
        assert bounded.late
        with pytest.raises(TimeoutError):  # a client that takes no answer
            bounded.sendall(b"x" * 10_000_000)


def serve_fails(**environment: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "serving"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


@pytest.mark.parametrize(("host", "announced"), [("::1", "::1"), ("::", "::1")])
def test_ipv6_address_is_served_and_announced_as_a_browser_takes_it(
    tmp_path: Path, host: str, announced: str
) -> None:
    with running_server(tmp_path, ARCHSTYLE_HOST=host) as server:
        server.address = f"http://[{announced}]:{server.port}"
        assert server.get("/healthz")[0] == 200
        wait_for_log(server, f"answers at {server.address} ")


def test_gunicorn_options_in_the_environment_move_nothing(tmp_path: Path) -> None:
    elsewhere = f"--bind=127.0.0.1:{free_port()} --preload"
    with running_server(tmp_path, GUNICORN_CMD_ARGS=elsewhere) as server:
        assert server.get("/healthz")[0] == 200
        wait_for_log(server, f"answers at {server.address} ")
        assert "GUNICORN_CMD_ARGS" in server.log.read_text()


def test_project_that_cannot_be_written_is_served_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with running_server(tmp_path, ARCHSTYLE_CACHE=str(tmp_path / "file" / "cache")) as server:
        assert server.get("/healthz")[0] == 200
        wait_for_log(server, "follower: ")
        assert "Traceback" not in server.log.read_text()


def test_unusable_host_stops_with_one_sentence() -> None:
    assert "ARCHSTYLE_HOST" in serve_fails(ARCHSTYLE_HOST="192.0.2.1", PORT=str(free_port()))
    assert "ARCHSTYLE_HOST" in serve_fails(ARCHSTYLE_HOST="no:address", PORT=str(free_port()))


def test_bad_setting_stops_with_one_sentence() -> None:
    assert "PORT is 'http'" in serve_fails(PORT="http")


def test_taken_port_stops_with_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"PORT={port + 1}" in serve_fails(PORT=str(port))


def test_file_store_stops_with_one_sentence(tmp_path: Path) -> None:
    sentence = serve_fails(MLFLOW_TRACKING_URI=str(tmp_path / "mlruns"), PORT=str(free_port()))
    assert "MLFLOW_TRACKING_URI" in sentence


def test_workers_and_parent_never_import_mlflow_or_tensorflow() -> None:
    code = (
        "import sys, serving.__main__, serving.gunicorn, serving.models, serving.follower;"
        "print([m for m in ('mlflow', 'tensorflow', 'keras', 'dvc') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
