"""A class behind nginx, with the configuration that docs/security.md prints."""

import http.client
import json
import os
import re
import shlex
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from cifarviz.cli.dashboard import ADDRESS, end, free_port, is_serving
from cifarviz.live.class_gate import COOKIE
from cifarviz.live.uploads import SESSION_BYTES
from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.members import load_class
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts import debian_packages
from scripts.app_server import ROOT
from tests.waiting import wait_until

NAME = "class.example.org"
ORIGIN = f"https://{NAME}"
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")

# Around the printed block: nothing but one process that leaves nothing behind.
CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{server}
}}
"""


class Answer(NamedTuple):
    """An answer of nginx."""

    status: int
    headers: Mapping[str, str]
    text: str


class Proxied(NamedTuple):
    """A class behind nginx, which listens on a port of this computer."""

    port: int
    certificate: Path
    code: str
    phrase: str

    def connect(self, visitor: str) -> socket.socket:
        """Connect from an address of this computer, as a visitor with that address does."""
        return socket.create_connection((ADDRESS, self.port), 30, source_address=(visitor, 0))

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def ask(
        self,
        path: str,
        *,
        form: Mapping[str, str] | None = None,
        method: str = "GET",
        body: bytes | None = None,
        visitor: str = ADDRESS,
        **headers: str,
    ) -> Answer:
        """Send a request as a browser that opened https://class.example.org."""
        sent = {"Host": NAME, **{name.replace("_", "-"): it for name, it in headers.items()}}
        if form is not None:
            method, body, sent = "POST", urlencode(form).encode(), {"Origin": ORIGIN, **sent}
        connection = http.client.HTTPConnection(NAME)
        connection.sock = self.trust().wrap_socket(self.connect(visitor), server_hostname=NAME)
        try:
            connection.request(method, path, body, sent)
            reply = connection.getresponse()
            answered = {name.lower(): it for name, it in reply.getheaders()}
            return Answer(reply.status, answered, reply.read().decode())
        finally:
            connection.close()

    def open(self, path: str, cookie: str, origin: str) -> ClientConnection:
        """Open a socket as a page of ``origin``."""
        return connect(
            f"wss://{NAME}{path}",
            sock=self.connect(ADDRESS),
            ssl=self.trust(),
            additional_headers={"Cookie": cookie, "Origin": origin},
        )

    def join(self, name: str, *, code: str | None = None, visitor: str = ADDRESS) -> Answer:
        form = {"name": name, "code": self.code if code is None else code}
        return self.ask("/class/join", form=form, visitor=visitor)


def _block(start: str) -> str:
    """Return the block of docs/security.md that begins so."""
    match = re.search(rf"^```\w*\n({re.escape(start)}.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert match is not None, f"docs/security.md has no block “{start}”"
    return match[1]


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    nginx, openssl = debian_packages.find_nginx(), debian_packages.find_program("openssl")
    if nginx is None or openssl is None:
        pytest.skip(f"The class behind a proxy: {debian_packages.MISSING_NGINX}")
    folder = tmp_path_factory.mktemp("nginx")
    home = folder / "home"
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    secrets = ClassSecrets(home)
    code, phrase = secrets.join_code(load_class(store).id), secrets.make_pass_phrase()
    _make_certificate(openssl, folder)
    inner, outer = free_port(), free_port()
    processes = [
        _start_server(inner, home, folder / "server.log"),
        _start_nginx(nginx, inner, outer, folder),
    ]
    try:
        wait_until(lambda: is_serving(f"http://{ADDRESS}:{inner}"), 60)
        wait_until(lambda: _is_open(outer), 30)
        yield Proxied(outer, folder / "fullchain.pem", code, phrase)
    finally:
        for process in processes:
            end(process)
        print((folder / "server.log").read_text()[-3000:], (folder / "nginx.log").read_text())


def _make_certificate(openssl: str, folder: Path) -> None:
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files],
        check=True,
        capture_output=True,
    )


def _start_server(port: int, home: Path, log: Path) -> "subprocess.Popen[bytes]":
    """Run the command that is printed, on another port."""
    words = shlex.split(_block("cifarviz serve --class --address"))
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *words, "--port", str(port), "--no-browser"],
            cwd=ROOT,
            env={**os.environ, "CIFARVIZ_HOME": str(home), "CIFARVIZ_WARM_UP": "0"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _start_nginx(nginx: str, inner: int, outer: int, folder: Path) -> "subprocess.Popen[bytes]":
    """Run nginx with the block that is printed, but for ports and the place of certificates."""
    server = _block("server {")
    for printed, here in (
        ("listen 443 ssl;", f"listen {ADDRESS}:{outer} ssl;"),
        (" /etc/ssl/class/", f" {folder}/"),
        ("http://127.0.0.1:8501;", f"http://{ADDRESS}:{inner};"),
    ):
        assert printed in server
        server = server.replace(printed, here)
    path = folder / "nginx.conf"
    path.write_text(CONFIGURATION.format(folder=folder, server=server))
    return subprocess.Popen([nginx, "-c", str(path), "-e", str(folder / "nginx.log")])


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((ADDRESS, port)) == 0


def _cookie(answer: Answer) -> str:
    match = re.match(rf"{COOKIE}=[^;]+", answer.headers["set-cookie"])
    assert match is not None
    return match[0]


def test_a_student_joins_with_a_secure_cookie_and_has_both_sockets(proxied: Proxied) -> None:
    page = proxied.ask("/train", Accept="text/html")
    assert (page.status, page.headers["location"]) == (303, "/class/join?next=%2Ftrain")
    assert "not encrypted" not in proxied.ask("/class/join").text
    joined = proxied.join("Ada")
    assert (joined.status, joined.headers["location"]) == (303, "/")
    flags = joined.headers["set-cookie"].lower()
    assert all(flag in flags for flag in ("; secure", "; httponly", "; samesite=strict"))
    cookie = _cookie(joined)
    assert proxied.ask("/", Cookie=cookie).status == 200
    with proxied.open("/live/status", cookie, ORIGIN) as live:
        assert "items" in json.loads(live.recv(timeout=30))
    with proxied.open("/_stcore/stream", cookie, ORIGIN) as session:
        assert session.ping().wait(30)


def test_other_origins_and_names_are_refused(proxied: Proxied) -> None:
    cookie = _cookie(proxied.join("Ben"))
    for origin in ("https://evil.example", f"http://{NAME}", f"{ORIGIN}:8443", "null"):
        assert proxied.ask("/", Cookie=cookie, Origin=origin).status == 403
        with pytest.raises(InvalidStatus) as refused:
            proxied.open("/live/status", cookie, origin)
        assert refused.value.response.status_code == 403
    assert proxied.ask("/", Cookie=cookie, Host="evil.example").status == 403


def test_the_teacher_signs_in_over_tls(proxied: Proxied) -> None:
    signed_in = proxied.ask("/class/sign-in", form={"phrase": proxied.phrase})
    assert signed_in.status == 303
    assert "; secure" in signed_in.headers["set-cookie"].lower()
    assert proxied.ask("/", Cookie=_cookie(signed_in)).status == 200


def test_wrong_codes_are_counted_by_the_visitors_address(proxied: Proxied) -> None:
    guesser, other = "127.0.0.2", "127.0.0.3"
    for number in range(30):
        proxied.join("Eve", code=f"wrong{number}", visitor=guesser)
    assert "Too many attempts" in proxied.join("Eve", visitor=guesser).text
    # Whatever a visitor claims.
    claimed = proxied.ask(
        "/class/join",
        form={"name": "Eve", "code": proxied.code},
        visitor=guesser,
        X_Forwarded_For="192.0.2.1",
    )
    assert "Too many attempts" in claimed.text
    assert proxied.join("Cy", visitor=other).status == 303


def test_uploads_reach_the_server_whatever_their_size(proxied: Proxied) -> None:
    """It says itself what is wrong with them."""
    cookie = _cookie(proxied.join("Dora"))
    path = "/_stcore/upload_file/no-session/file"
    answer = proxied.ask(path, method="PUT", body=bytes(3_000_000), Cookie=cookie, Origin=ORIGIN)
    assert answer.status == 403
    assert "nginx" not in answer.text
    # Before the body has come: nginx stores none of it.
    for headers, status in (
        (f"Cookie: {cookie}\r\nOrigin: {ORIGIN}\r\n", b"413"),
        (f"Origin: {ORIGIN}\r\n", b"403"),
    ):
        head = f"PUT {path} HTTP/1.1\r\nHost: {NAME}\r\n{headers}Content-Length: "
        with proxied.trust().wrap_socket(proxied.connect(ADDRESS), server_hostname=NAME) as tls:
            tls.sendall(f"{head}{SESSION_BYTES + 100_000}\r\n\r\n".encode())
            assert tls.recv(100).startswith(b"HTTP/1.1 " + status)
