"""A tracking server whose certificate is not trusted."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from archstyle.cli import main as archstyle
from archstyle.errors import ArchstyleError
from archstyle.registry.versions import champion
from serving.follower import trouble
from tests.certificates import make_certificates

pytestmark = pytest.mark.slow


class Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that do not trust it hang up."""


@pytest.fixture(params=["unknown", "expired"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str, Path]]:
    """What is wrong with the certificate, the address, and what the client takes for good."""
    expired = request.param == "expired"
    authority = make_certificates(tmp_path, -1 if expired else 30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with Quiet(("127.0.0.1", 0), BaseHTTPRequestHandler) as http:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield (
            "certificate has expired" if expired else "unable to get local issuer certificate",
            f"https://localhost:{http.server_port}",
            authority if expired else Path(ssl.get_default_verify_paths().openssl_cafile),
        )
        http.shutdown()


def test_a_certificate_that_is_not_trusted_names_the_variable_to_look_at(
    server: tuple[str, str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why, address, authority = server
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    if authority.is_file():
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(authority))
    told = CliRunner().invoke(archstyle, ["versions"])
    assert told.exit_code == 1 and told.output.count("\n") == 1
    assert told.output.startswith(f"Error: MLflow at {address} could not ")
    assert f"its certificate is not trusted ({why})" in told.output
    assert "MLFLOW_TRACKING_SERVER_CERT_PATH (or MLFLOW_TRACKING_INSECURE_TLS)" in told.output
    with pytest.raises(ArchstyleError) as error:
        champion()
    status = trouble(error.value, tmp_path)  # of the page's follower: its log has the variable
    assert status.state == "away" and "MLFLOW_TRACKING_SERVER_CERT_PATH" in status.reason
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(tmp_path / "none.pem"))
    told = CliRunner().invoke(archstyle, ["versions"])
    assert told.output.count("\n") == 1 and "MLFLOW_TRACKING_SERVER_CERT_PATH" in told.output
