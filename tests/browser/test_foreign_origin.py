"""The server refuses pages of another origin."""

import http.client
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.app_server import ADDRESS, AppServer

_OPEN_SOCKET = """address => new Promise(resolve => {
    const protocols = address.endsWith("/_stcore/stream") ? ["streamlit"] : [];
    const socket = new WebSocket(address, protocols);
    socket.onopen = () => resolve("open");
    socket.onerror = () => resolve("refused");
})"""
_FETCH = """async ([address, options]) => {
    try { await fetch(address, options); return "answered"; } catch { return "blocked"; }
}"""
_EMBED = """address => new Promise(resolve => {
    const frame = document.createElement("iframe");
    frame.onload = resolve;
    frame.src = address;
    document.body.append(frame);
})"""


class _EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Another site</title>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def other_port() -> Iterator[int]:
    """Serve an empty page on another port of this machine."""
    with ThreadingHTTPServer((ADDRESS, 0), _EmptyPage) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        yield other.server_port
        other.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def server(app_server: Callable[..., AppServer]) -> AppServer:
    return app_server("app.py", environment={"CIFARVIZ_WARM_UP": "0"})


@pytest.mark.parametrize("name", [ADDRESS, "localhost"])
def test_a_page_of_another_port_cannot_open_sockets_or_read_responses(
    server: AppServer, other_port: int, new_page: Callable[..., Page], name: str
) -> None:
    place = f"{name}:{server.port}"
    page = new_page()
    page.goto(f"http://{name}:{other_port}/")
    for path in ("_stcore/stream", "live/nosuchrun"):
        assert page.evaluate(_OPEN_SOCKET, f"ws://{place}/{path}") == "refused"
    health = f"http://{place}/_stcore/health"
    assert page.evaluate(_FETCH, [health, {}]) == "blocked"
    # A page may send these without the server's consent, but gets no answer that it could show.
    for options in ({"method": "POST", "body": "x"}, {"method": "GET"}):
        with page.expect_event("requestfailed", lambda sent: sent.url == health):
            page.evaluate(_FETCH, [health, {"mode": "no-cors", **options}])

    # The same calls from the dashboard's own page.
    page.goto(f"http://{place}/")
    expect(page.get_by_role("heading", name="cifarviz", level=1)).to_be_visible()
    for path in ("_stcore/stream", "live/nosuchrun"):
        assert page.evaluate(_OPEN_SOCKET, f"ws://{place}/{path}") == "open"
    assert page.evaluate(_FETCH, [health, {}]) == "answered"


def test_a_page_of_another_port_cannot_embed_the_dashboard(
    server: AppServer, other_port: int, chromium: Browser
) -> None:
    # Not by new_page, which fails a test whose page is refused something by the policy.
    page = chromium.new_page()
    page.goto(f"http://{ADDRESS}:{other_port}/")
    page.evaluate(_EMBED, server.url)
    _page, frame = page.frames
    assert not frame.url.startswith("http")
    page.close()


@pytest.mark.parametrize(
    "path", ["/", "/samples", "/_stcore/health", "/app/static/plotly.min.js", "/nosuchfile.js"]
)
def test_every_response_has_security_headers_and_checks_the_host(
    server: AppServer, path: str
) -> None:
    for host, refused in ((f"{ADDRESS}:{server.port}", False), ("rebound.example.com", True)):
        connection = http.client.HTTPConnection(ADDRESS, server.port, timeout=20)
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        text = response.read().decode()
        assert (response.status == 403) == refused
        assert ("server.allowedHosts" in text) == refused
        assert "default-src 'none'" in (response.getheader("Content-Security-Policy") or "")
        assert response.getheader("X-Content-Type-Options") == "nosniff"
        assert response.getheader("X-Frame-Options") == "SAMEORIGIN"
        assert response.getheader("Referrer-Policy") == "same-origin"
        connection.close()


def test_the_dashboard_works_under_a_base_path(
    app_server: Callable[..., AppServer], page: Page
) -> None:
    environment = {"CIFARVIZ_WARM_UP": "0", "STREAMLIT_SERVER_BASE_URL_PATH": "cifarviz/demo"}
    server = app_server("app.py", environment=environment)
    assert server.url.endswith("/cifarviz/demo")
    page.goto(f"{server.url}/samples")
    expect(page.get_by_role("heading", name="Samples", level=1)).to_be_visible()
    # Drawn by Plotly's script, which lies under the base path, too.
    expect(page.locator(".cifarviz-chart[data-revision] .main-svg").first).to_be_visible()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Runs").click()
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    assert page.url.startswith(f"{server.url}/runs")
    own_socket = f"{server.url.replace('http', 'ws')}/live/nosuchrun"
    assert page.evaluate(_OPEN_SOCKET, own_socket) == "open"
    server.stop()
