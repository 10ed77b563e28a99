"""The page of a profile: in a real browser, of a catalogue with faults and hostile texts."""

import csv

import pytest
from browser import chromium, visit
from builders import CHALLENGE_HEADER, job

from product_length.pages.profile import write_profile_page
from product_length.profiling.config import ProfileJob
from product_length.profiling.findings import findings_of, first_command
from product_length.profiling.profile import profile_catalogue

EVIL = '"><img src=x onerror="alert(1)"></script><i>{{ 7*7 }}'


def rows():
    for number in range(120):
        inches = 5 + number % 60
        label = 100 * inches / (2.54 if number % 4 == 0 else 1)
        title = f"{EVIL} thing {number} Length: {inches} in"
        yield [str(number), title, "", "", EVIL, str(round(label, 2))]
    for number in range(120, 150):
        yield [str(number), "one and the same lamp", "", "", "lamp", str(100 + 50 * (number % 3))]
        yield [f"x{number}", "a length in words", "", "", "lamp", "many"]


def written(folder, lines):
    path = folder / "table.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([CHALLENGE_HEADER, *lines])
    words = ["data=amazon2023", f"data.path={path}", f"cache_dir={folder / 'cache'}", "output=x"]
    words.append("data.text.strip_tags=false")
    profile = profile_catalogue(job("profile", ProfileJob, *words))
    findings = findings_of(profile)
    command = first_command(profile, findings, words[:2])
    return write_profile_page(folder / "profile.html", profile, findings, command)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return written(tmp_path_factory.mktemp("profile"), rows())


def test_the_page_opens_and_says_what_is_wrong(page):
    with chromium() as browser:
        for width in (1280, 390):
            with visit(browser, page, width=width, dark=width == 390) as opened:
                assert opened.faults == []
                assert opened.overflow() == 0
                assert opened.page.locator(".chart .main-svg").count() >= 5
                assert opened.requests == [page.resolve().as_uri()]
                text = opened.page.locator("main").inner_text()
                assert "150 of 180 rows can be used" in text
                assert "2 things look wrong" in text
                assert opened.page.locator("p.warning").count() == 2
                assert "1/2.54 of a stated one" in text
                assert EVIL in text
                assert opened.page.locator("img").count() == 0
                commands = opened.page.locator("pre code").all_inner_texts()
                assert commands[0].endswith("experiment=best")


@pytest.mark.parametrize(
    "lines",
    [
        [["1", "one", "", "", "", "250"]],
        [[str(n), f"thing {n}", "", "", "", "250"] for n in range(40)],
        [[str(n), f"{n}", "", "", str(n), str(10 + n)] for n in range(40)],
    ],
    ids=["one row", "equal lengths without types", "no letters, a type each"],
)
def test_small_and_odd_tables_have_a_page(lines, tmp_path):
    html = written(tmp_path, lines).read_text(encoding="utf-8")
    assert "What to know, and what to set" in html
