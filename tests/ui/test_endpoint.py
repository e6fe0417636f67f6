"""The endpoint for Gradio's clients: named, typed, honest about what is wrong, deaf to attacks."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from sdtoolbox.images.metadata import read_text
from sdtoolbox.schema.requests import shown_fields
from sdtoolbox.schema.txt2img import Txt2Img
from tests.web import Web, wait_until


@pytest.fixture(scope="module")
def client(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from gradio_client import Client

    return Client(
        web.url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")), analytics_enabled=False
    )


def call(web: Web, data: object) -> str:
    """What the queue's plain door says to this data: the last event and its JSON."""
    posted = httpx.post(f"{web.url}/gradio_api/call/txt2img", json={"data": data}, timeout=60)
    assert posted.status_code == 200, posted.text
    return httpx.get(f"{web.url}/gradio_api/call/txt2img/{posted.json()['event_id']}", timeout=60).text


def test_it_returns_the_picture_files_and_the_result(client: Any) -> None:
    files, result = client.predict(prompt="a house", seed=1, batch_count=2, api_name="/txt2img")
    assert len(files) == len(result["pictures"]) == 2
    assert [picture["seed"] for picture in result["pictures"]] == [1, 2]
    assert result["request"]["steps"] == 8
    assert read_text(Path(files[0])).parameters == result["parameters"]
    again, _ = client.predict(prompt="a house", seed=1, api_name="/txt2img")
    assert Path(again[0]).read_bytes() == Path(files[0]).read_bytes()


def test_its_description_is_the_schemas(client: Any) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    # The page's own events are not for others.
    assert list(endpoints) == ["/txt2img", "/img2img", "/inpaint", "/erase", "/denoise", "/upscale", "/prompt_gallery"]
    parameters = endpoints["/txt2img"]["parameters"]
    assert [parameter["parameter_name"] for parameter in parameters] == shown_fields(Txt2Img)
    assert all(parameter["parameter_has_default"] for parameter in parameters)
    steps = next(parameter for parameter in parameters if parameter["parameter_name"] == "steps")
    assert steps["label"] == "Steps"
    assert steps["parameter_default"] is None
    assert steps["python_type"]["type"] == "int | None"
    assert steps["python_type"]["description"] == Txt2Img.model_fields["steps"].description
    fields = sum(len(endpoint["parameters"]) for endpoint in endpoints.values())
    assert client.view_api(return_format="str").count("\n") < fields + 12 * len(endpoints)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"width": 0}, "width 0 is out of range. Allowed is a whole number from 16 to 4096."),
        ({"steps": 1.5}, "steps 1.5 is not a whole number"),
        ({"seed": 2**64}, "seed 18446744073709551616 is out of range"),
        ({"sampler": "nonsense"}, "there is no sampler 'nonsense'. There are: Euler"),
        ({"checkpoint": "nonsense"}, "there is no checkpoint 'nonsense'"),
        ({"prompt": ["a", "list"]}, "prompt ['a', 'list'] is not text"),
        ({"steps": True, "width": "512"}, "is not a number"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(client: Any, values: dict[str, Any], said: str) -> None:
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError) as caught:
        client.predict(**values, api_name="/txt2img")
    assert said in str(caught.value)


def test_numbers_that_are_none_and_texts_that_are_half_are_refused_too(web: Web) -> None:
    def positional(**values: object) -> list[object]:
        return [values.get(name, Txt2Img.model_fields[name].default) for name in shown_fields(Txt2Img)]

    url = f"{web.url}/gradio_api/run/txt2img"
    for raw, said in (("NaN", "finite"), ("Infinity", "finite"), ('{"a": 1}', "number"), ("[1]", "number")):
        body = json.dumps({"data": positional(guidance_scale="HERE")}).replace('"HERE"', raw)
        answer = httpx.post(url, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert said in answer.json()["message"]
        assert answer.json()["code"] == "PARAM_INVALID"
    body = json.dumps({"data": positional(prompt="HERE")}).replace("HERE", "\\ud800")
    answer = httpx.post(url, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert httpx.post(url, json={"data": positional(prompt="x" * 10_000, seed=1)}, timeout=20).status_code == 200


def test_too_few_values_and_no_json_are_the_clients_fault(web: Web) -> None:
    assert "error" in call(web, ["only one"])
    for body in (b"{", b"[]", b"null", b'{"data": "x"}', b"\xff"):
        for door in ("call", "run"):
            answer = httpx.post(f"{web.url}/gradio_api/{door}/txt2img", content=body)
            assert 400 <= answer.status_code < 500
            assert answer.json()["code"] == "PARAM_INVALID"


def test_a_client_that_goes_away_leaves_its_job_to_be_drawn(web: Web) -> None:
    before = pictures(web)
    values = data_of(Txt2Img(prompt="slow tower", steps=50, seed=7))
    posted = httpx.post(f"{web.url}/gradio_api/call/txt2img", json={"data": values})
    with httpx.stream("GET", f"{web.url}/gradio_api/call/txt2img/{posted.json()['event_id']}") as stream:
        next(stream.iter_raw())
    wait_until(lambda: pictures(web) > before)
    assert pictures(web) == before + 1


def data_of(request: Txt2Img) -> list[object]:
    """What a client sends by position: the fields that doors show, in their order."""
    values = request.model_dump(mode="json")
    return [values[name] for name in shown_fields(Txt2Img)]


def pictures(web: Web) -> int:
    return len(list((web.home / "outputs").glob("*/*.png")))


def test_more_clients_at_once_than_gradio_has_places_for_are_all_served(web: Web) -> None:
    values = data_of(Txt2Img(prompt="a crowd", seed=3, steps=1))
    with ThreadPoolExecutor(45) as pool:
        answers = list(pool.map(lambda _: call(web, values), range(45)))
    assert all("event: complete" in answer for answer in answers)


FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}, "url": "/etc/passwd", "orig_name": "x.png"}


def test_no_event_of_the_page_gives_away_a_file_of_the_server(web: Web) -> None:
    config = httpx.get(f"{web.url}/config").json()
    assert len(config["dependencies"]) > 10
    attacks = [
        (dependency["id"], number, [value] * len(dependency["inputs"]))
        for dependency in config["dependencies"]
        for number, value in enumerate((FILE, [FILE], {"a": FILE}))
    ]
    with httpx.Client(base_url=web.url, timeout=20) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda attack: tell(client, *attack), attacks))
    assert len(answers) == len(attacks)
    for said in answers:
        assert "root:" not in said
        assert "gradio_api/file=" not in said
    cached = (web.home / "cache").rglob("*") if (web.home / "cache").exists() else ()
    assert not [path for path in cached if path.is_file() and b"root:" in path.read_bytes()]
    for path in ("/etc/passwd", str(web.home / "sdtoolbox.sqlite3"), str(web.home / "outputs/../sdtoolbox.sqlite3")):
        assert httpx.get(f"{web.url}/gradio_api/file={path}").status_code in (403, 404)


def tell(client: httpx.Client, event: int, number: int, data: list[object]) -> str:
    """Run one event of the page by its number, as a page would, and return all that comes back at once."""
    body = {
        "fn_index": event,
        "data": data,
        "session_hash": f"attack{event}-{number}",
        "event_data": {"job": FILE, "example": FILE},
    }
    said = client.post("/gradio_api/run/predict", json=body).text
    if number:  # its other entrance comes to the same function
        return said
    client.post("/gradio_api/queue/join", json=body)
    with client.stream("GET", f"/gradio_api/queue/data?session_hash=attack{event}-{number}") as stream:
        for line in stream.iter_lines():
            said += line
            if "process_completed" in line or "process_generating" in line or "close_stream" in line:
                break
    return said


@pytest.mark.parametrize("plot", [{"x": {"field": "steps", "values": "2, 3"}}, "x: steps: 2, 3"])
def test_a_plot_is_an_object_or_lines(client: Any, plot: Any) -> None:
    files, result = client.predict(prompt="a house", plot=plot, api_name="/txt2img")
    assert len(files) == 3
    assert [picture["request"]["steps"] for picture in result["pictures"][:2]] == [2, 3]


def test_a_playlist_is_no_video(client: Any, tmp_path: Path) -> None:
    from gradio_client import handle_file
    from gradio_client.exceptions import AppError

    (tmp_path / "in.mp4").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n")
    with pytest.raises(AppError, match="not a picture that can be read"):
        client.predict(image=handle_file(str(tmp_path / "in.mp4")), api_name="/denoise")
