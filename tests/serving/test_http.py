"""The server over real HTTP: the lengths that `predict` writes, and what it refuses."""

import csv
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from builders import predict_by, read_rows, submission
from servers import served

KEYS = {
    "PRODUCT_ID": "product_id",
    "TITLE": "title",
    "BULLET_POINTS": "bullet_points",
    "DESCRIPTION": "description",
    "PRODUCT_TYPE_ID": "product_type",
}


@pytest.fixture(scope="module")
def server(everything):
    with served(everything, max_body_mb=1, max_rows=700, max_reasons=8, max_characters=300) as it:
        yield it


@pytest.fixture(scope="module")
def products(catalogue):
    """The catalogue's products as requests have them; `everything` reads titles and types only."""
    read = ("PRODUCT_ID", "TITLE", "PRODUCT_TYPE_ID")
    return [{KEYS[key]: row[key] for key in read} for row in read_rows(catalogue / "test.csv")]


@pytest.fixture(scope="module")
def written(everything, catalogue, tmp_path_factory):
    """What `predict` writes for the same products."""
    output = tmp_path_factory.mktemp("written") / "s.csv"
    path = predict_by(everything, catalogue / "test.csv", output, "interval=0.8", "reasons=words")
    return submission_of(path)


def submission_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_lengths_and_intervals_are_those_that_predict_writes(server, products, written):
    reply = server.predict(products=products, interval=0.8)
    assert reply["unit"] == "1/100 inch"
    assert reply["target"] == "PRODUCT_LENGTH"
    assert reply["decision"] == "mape"
    found = reply["predictions"]
    assert [each["product_id"] for each in found] == [row["PRODUCT_ID"] for row in written]
    for key, of in (
        ("PRODUCT_LENGTH", lambda each: each["length"]),
        ("LOWER", lambda each: each["interval"]["lower"]),
        ("UPPER", lambda each: each["interval"]["upper"]),
    ):
        wanted = [float(row[key]) for row in written]
        np.testing.assert_allclose([of(each) for each in found], wanted, rtol=1e-4)
    assert {each["interval"]["level"] for each in found} == {0.8}
    assert all(each["reasons"] is None for each in found)


def test_one_product_with_reasons_and_its_distribution(server, products, written):
    for row in range(3):
        reply = server.predict(
            product=products[row], reasons="words", distribution=True, interval=0.8
        )
        (found,) = reply["predictions"]
        assert found["reasons"]["line"] == written[row]["REASONS"]
        kinds = {each["kind"]: each for each in found["reasons"]["features"]}
        assert len(kinds["neighbours"]["neighbours"]) == 5
        assert found["reasons"]["fields"] == {"title": products[row]["title"]}
        shares = sum(each["share"] or 0 for each in kinds.values())
        assert shares + found["reasons"]["network_share"] == pytest.approx(1, abs=0.02)
        levels = {each["level"]: each["length"] for each in found["distribution"]}
        assert list(levels.values()) == sorted(levels.values())
        assert levels[0.01] < found["length"] < levels[0.99]
        for word in found["reasons"]["words"]:
            start, stop = word["places"][0]
            assert products[row]["title"][start:stop] == word["word"]


def test_what_is_not_known_is_said_of_its_product(server):
    found = server.predict(products=[{"title": "rug", "product_type": "never seen"}, {}])
    first, second = (each["unseen"] for each in found["predictions"])
    assert "have a product type that training did not have" in first
    assert "have no text and are predicted from the other columns" in second


def test_no_interval_is_given_where_none_is_wanted(server):
    plain = server.predict(product={"title": "rug"})
    assert plain["predictions"][0]["interval"]["level"] == 0.9
    without = server.predict(product={"title": "rug"}, interval=None)
    assert without["predictions"][0]["interval"] is None


def test_numbers_may_be_given_where_texts_are_meant(server):
    reply = server.predict(product={"title": "rug", "product_id": 17, "product_type": 3})
    assert reply["predictions"][0]["product_id"] == "17"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "body.1: JSON decode error"),
        (b"[1, 2]", "body: Input should be"),
        ({}, "body: Value error, give product, for one, or products, for a list"),
        ({"product": {}, "products": [{}]}, "one of the two"),
        ({"products": []}, "body.products: List should have at least 1 item"),
        ({"products": [{}] * 701}, "body.products: List should have at most 700 items"),
        ({"products": [{}, {"titel": "x"}]}, "body.products.1.titel: Extra inputs are not perm"),
        ({"product": {"description": "x"}}, "body.product.description: Extra inputs"),
        ({"product": {"title": "x" * 301}}, "body.product.title: String should have at most 300"),
        ({"product": {"title": ["x"]}}, "body.product.title: Input should be a valid string"),
        (b'{"product": {"title": "\\ud800"}}', "title: Input should be a valid string, u"),
        (b'{"product": {"\\ud800": 1}}', "body.product: Input should be a valid string, unable"),
        (b'{"product": {}, "interval": NaN}', "body.interval: "),
        ({"product": {}, "interval": 1.5}, "body.interval: Input should be less than 1"),
        ({"product": {}, "reasons": "all"}, "body.reasons: Input should be 'none', 'features'"),
        ({"products": [{}] * 9, "reasons": "words"}, "reasons of up to 8 products at a time"),
        ({"products": [{"titel": 1}] * 50}, "and 30 faults more"),
    ],
)  # fmt: skip
def test_a_wrong_body_is_refused_with_what_is_wrong(server, body, said):
    assert said in server.refused(body)
    assert server.client.get("health").json() == {"status": "ok", "waiting": 0}


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server):
    said = "the body is larger than 1,000,000 bytes; send the products in parts"
    assert server.refused(b'{"product": {"title": "' + b"x" * 1_000_001 + b'"}}', 413) == said

    def parts():
        for _ in range(30):
            yield b" " * 50_000

    reply = server.client.post("predict", content=parts())  # without a Content-Length
    assert (reply.status_code, reply.json()["detail"]) == (413, said)


def test_other_names_do_not_lead_to_a_server_of_this_machine(server):
    for host, status in (("localhost", 200), ("evil.example", 400)):
        reply = server.client.get("health", headers={"Host": host})
        assert reply.status_code == status


def test_openapi_describes_it_and_no_page_loads_from_elsewhere(server):
    described = server.client.get("openapi.json").json()
    assert set(described["paths"]) == {"/predict", "/health", "/model"}
    product = described["components"]["schemas"]["Product"]["properties"]
    assert set(product) == {"product_id", "title", "product_type"}
    assert "Up to 700 products." in json.dumps(described)
    assert {"200", "413", "422", "503"} <= set(described["paths"]["/predict"]["post"]["responses"])
    for name in ("docs", "redoc"):
        assert server.client.get(name).status_code == 404


def test_the_card_says_how_good_the_model_is(server, everything):
    card = server.client.get("model").json()
    report = json.loads((everything / "report.json").read_text(encoding="utf-8"))
    assert (card["target"], card["unit"]) == ("PRODUCT_LENGTH", "1/100 inch")
    assert card["reads"]["fields"] == ["title"]
    assert card["reads"]["product_type"]
    (member,) = card["members"]
    assert {"lsa", "types", "neighbours", "terms", "measurements"} <= set(member["features"])
    val = {each["name"]: each for each in member["evaluation"]["splits"]["val"]["metrics"]}
    wanted = report["splits"]["val"]["metrics"]["values"]["mape"]
    assert [val["mape"][key] for key in ("value", "low", "high")] == [
        wanted[key] for key in ("value", "low", "high")
    ]
    assert member["evaluation"]["data"] == "train.csv"
    assert str(everything) not in json.dumps(card)


def test_requests_at_the_same_time_have_their_own_answers(server, products, written):
    """Some for one product, some for many, some wrong: all at once."""
    wanted = [float(row["PRODUCT_LENGTH"]) for row in written]

    def ask(number):
        with httpx.Client(base_url=server.address, timeout=60, trust_env=False) as client:
            if number % 5 == 4:
                return client.post("predict", json={"product": {"no": number}}).status_code == 422
            rows = range(number, len(products)) if number % 5 == 3 else [number]
            body = {"products": [products[row] for row in rows], "interval": None}
            found = client.post("predict", json=body).json()["predictions"]
            lengths = [each["length"] for each in found]
            return np.allclose(lengths, [wanted[row] for row in rows], rtol=1e-4)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(60)))
    assert server.client.get("health").json()["waiting"] == 0


def test_who_comes_when_too_many_wait_is_told_to_come_again(everything):
    with served(everything, max_waiting=1) as busy:
        held = threading.Event()
        work = busy.batcher._work
        busy.batcher._work = lambda items: held.wait(20) and work(items)
        answers = []
        first = threading.Thread(
            target=lambda: answers.append(busy.predict(product={"title": "rug"}))
        )
        first.start()
        while not busy.batcher.waiting:
            pass
        reply = busy.client.post("predict", json={"product": {"title": "mug"}})
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
        assert reply.json()["detail"] == "too many requests wait; come again"
        held.set()
        first.join(20)
        assert answers[0]["predictions"][0]["length"] > 0


def test_a_point_loss_has_no_interval_and_its_reasons_no_shares(point, catalogue, tmp_path):
    wanted = submission(predict_by(point, catalogue / "test.csv", tmp_path / "s.csv"))[1]
    rows = read_rows(catalogue / "test.csv")[:5]
    with served(point) as server:
        asked = [{KEYS[key]: row[key] for key in KEYS} for row in rows]
        reply = server.predict(products=asked, reasons="features", distribution=True)
        found = reply["predictions"]
        np.testing.assert_allclose([each["length"] for each in found], wanted[:5], rtol=1e-4)
        assert {(each["interval"], each["distribution"]) for each in found} == {(None, None)}
        assert {each["reasons"]["network_share"] for each in found} == {None}
        assert all("neighbours: nearest training product" in x["reasons"]["line"] for x in found)
        said = server.refused({"product": {}, "interval": 0.9})
        assert "needs a predicted distribution" in said


def test_several_checkpoints_are_averaged_and_have_no_reasons(
    everything, distributed, catalogue, tmp_path
):
    both = f"checkpoint=[{everything},{distributed}]"
    path = predict_by(everything, catalogue / "test.csv", tmp_path / "s.csv", both, "decision=mape")
    wanted = submission(path)[1]
    rows = read_rows(catalogue / "test.csv")[:5]
    with served(everything, distributed, decision="mape") as server:
        asked = [{KEYS[key]: row[key] for key in KEYS} for row in rows]
        found = server.predict(products=asked, distribution=True)["predictions"]
        np.testing.assert_allclose([each["length"] for each in found], wanted[:5], rtol=1e-4)
        assert len(found[0]["distribution"]) == 9
        assert "the average of several has none" in server.refused(
            {"product": {}, "reasons": "words"}
        )
        assert "interval" in server.refused({"product": {}, "interval": 0.9})
