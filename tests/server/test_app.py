"""The server as a whole: it starts quickly, answers, keeps to its folder, and ends when told to."""

from __future__ import annotations

import signal
import socket
import sqlite3
import time
from pathlib import Path

import httpx
import pytest

from sdtoolbox.errors import UserError
from sdtoolbox.server.app import check_address
from sdtoolbox.settings import Settings
from tests.web import Web, serve, wait_until


def test_healthz_answers_even_while_the_database_is_locked(web: Web) -> None:
    with sqlite3.connect(web.home / "sdtoolbox.sqlite3", isolation_level=None) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        answer = httpx.get(f"{web.url}/healthz", timeout=5)
        lock.execute("ROLLBACK")
    lock.close()
    assert answer.json()["status"] == "ok"
    assert time.monotonic() - started < 1


def test_the_page_is_there_with_both_languages_and_the_headers(web: Web) -> None:
    english = httpx.get(web.url)
    chinese = httpx.get(web.url, headers={"accept-language": "zh-CN"})
    assert "Generate" in english.text
    assert "\\u751f\\u6210" in chinese.text or "生成" in chinese.text
    assert english.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/no/such/page"),
        ("GET", "/pictures/..%2f..%2fetc%2fpasswd.png"),
        ("GET", "/pictures/0123456789abcdef.png"),
        ("GET", "/thumbnails/0123456789abcdef.jpg"),
        ("GET", "/pictures/0123456789abcdef.txt"),
        ("GET", "/previews/0123456789abcdef.jpg"),
        ("DELETE", "/healthz"),
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("POST", "/gradio_api/call/no_such_endpoint"),
        ("POST", "/gradio_api/run/txt2img"),
        ("POST", "/gradio_api/queue/join"),
    ],
)
def test_errors_have_one_shape_everywhere(web: Web, method: str, path: str) -> None:
    answer = httpx.request(method, web.url + path)
    assert 400 <= answer.status_code < 500
    assert set(answer.json()) == {"code", "message", "hint", "field", "job_id"}
    assert str(web.home) not in answer.text
    assert "/etc/passwd" not in answer.text


def test_foreign_hosts_origins_and_large_bodies_are_stopped_at_every_route(web: Web) -> None:
    for path in ("/", "/healthz", "/pictures/x.png", "/gradio_api/info", "/config"):
        assert httpx.get(web.url + path, headers={"host": "evil.example"}).status_code == 403
    for path in ("/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/run/txt2img", "/nowhere"):
        assert httpx.post(web.url + path, headers={"origin": "https://evil.example"}).status_code == 403
        assert httpx.post(web.url + path, content=b"x" * (2**20 + 1)).status_code == 413
    head = b'--b\r\ncontent-disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    form = {"content-type": "multipart/form-data; boundary=b"}
    for path, headers in (("upload", form), ("queue/join", {}), ("run/txt2img", {})):
        chunks = iter([head, *[b"x" * 2**19] * 3])
        assert httpx.post(f"{web.url}/gradio_api/{path}", content=chunks, headers=headers).status_code == 413


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "paint.example"])
def test_an_address_for_everybody_must_be_meant(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    with pytest.raises(UserError, match="--insecure-no-auth"):
        check_address(Settings(home=tmp_path, host=host))
    check_address(Settings(home=tmp_path, host=host, insecure_no_auth=True))
    monkeypatch.setenv("SPACE_ID", "somebody/paint")
    check_address(Settings(home=tmp_path, host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machines_own_addresses_are_fine(host: str, tmp_path: Path) -> None:
    check_address(Settings(home=tmp_path, host=host))


def test_a_taken_port_is_said_in_a_sentence(tmp_path: Path) -> None:
    from sdtoolbox.server.app import serve as serve_forever

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"cannot listen on 127.0.0.1 port {port}"):
            serve_forever(Settings(home=tmp_path, port=port))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_two_seconds_with_streams_open_and_leaves_no_child(how: signal.Signals, tmp_path: Path) -> None:
    with serve(tmp_path, insecure_no_auth="true", host="0.0.0.0") as web:
        url = web.url.replace("0.0.0.0", "127.0.0.1")
        assert "This server answers to everybody" in httpx.get(url).text
        wait_until(lambda: children(web.process.pid))
        mine = children(web.process.pid)
        modules = Path(f"/proc/{web.process.pid}/maps").read_text()
        assert "libtorch" not in modules  # the page is served by a process without torch
        with httpx.stream("GET", f"{url}/gradio_api/heartbeat/abc"):
            started = time.monotonic()
            web.process.send_signal(how)
            web.process.wait(10)
        assert time.monotonic() - started < 2
        assert web.process.returncode == 0
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in mine), 1)
    written = {path.name for path in tmp_path.iterdir()}
    assert written <= {"models", "wildcards", "outputs", "logs", "cache", "workers", "server.log", "sdtoolbox.sqlite3"}


def children(pid: int) -> list[str]:
    """The ids of a process's living children."""
    found: list[str] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += (task / "children").read_text().split()
    return found
