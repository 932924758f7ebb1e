"""The page as text: parsed, not matched; what it may load and run."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from relentropy.compare.report import html

from .hostile import HOSTILE
from .results import bell, column, result

VOID = {"meta", "link", "br", "img", "input", "hr"}
# SVG elements that the template writes closed.
URL_ATTRIBUTES = {"src", "href", "action", "data", "poster", "srcset", "xlink:href", "background"}


class Page(HTMLParser):
    """Elements with their attributes and own text; complains about what is not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.stack = [], []
        self.feed(text)
        self.close()
        assert not self.stack, f"never closed: {self.stack}"

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])
        if tag not in VOID:
            self.stack.append((tag, len(self.elements) - 1))

    def handle_startendtag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])

    def handle_endtag(self, tag):
        assert self.stack, f"</{tag}> closes nothing"
        opened, _ = self.stack.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data):
        for _, index in self.stack:
            self.elements[index][2] += data

    def all(self, tag, **attributes):
        return [
            e
            for e in self.elements
            if e[0] == tag and all(e[1].get(k.strip("_")) == v for k, v in attributes.items())
        ]

    def one(self, tag, **attributes):
        (element,) = self.all(tag, **attributes)
        return element


def words(element):
    return " ".join(element[2].split())


@pytest.fixture(scope="module")
def page():
    return Page(html.render(result()))


def test_the_answer_is_title_and_heading(page):
    answer = (
        "flights-july has moved from flights-january in 4 of 8 columns, "
        "most in dest, temp and dep_delay."
    )
    assert page.one("h1")[2] == answer
    assert page.all("title")[0][2] == answer


def test_the_policy_allows_its_own_style_and_script_only(page):
    policy = page.one("meta", http_equiv=None, **{"http-equiv": "Content-Security-Policy"})
    directives = dict(d.strip().split(" ", 1) for d in policy[1]["content"].split(";"))

    def allowed(tag):
        digest = hashlib.sha256(page.one(tag)[2].encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    assert directives == {
        "default-src": "'none'",
        "style-src": allowed("style"),
        "script-src": allowed("script"),
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_it_asks_for_nothing(page):
    assert not [e for e in page.elements if e[0] in {"link", "img", "iframe", "object", "use"}]
    for tag, attributes, _ in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name != "style", "the policy would block it"
            if name in URL_ATTRIBUTES:
                assert value.startswith("#"), (tag, name, value)
    assert "url(" not in page.one("style")[2]
    assert "@import" not in page.one("style")[2]


def test_links_lead_somewhere(page):
    ids = [e[1]["id"] for e in page.elements if "id" in e[1]]
    assert len(ids) == len(set(ids))
    assert {e[1]["href"][1:] for e in page.all("a")} <= set(ids)


def test_every_column_has_a_row_and_a_card(page):
    names = [c["name"] for c in result()["columns"]]
    rows = [words(e) for e in page.all("th", scope="row")]
    assert rows == names
    assert [words(e) for e in page.all("h3")] == names


def test_the_table_is_made_for_screen_readers(page):
    heads = page.all("th", scope="col")
    assert heads
    assert [e for e in heads if e[1].get("aria-sort")]
    for picture in page.all("svg"):
        assert picture[1].get("role") == "img" or picture[1].get("aria-hidden") == "true"
    drawn = [e for e in page.all("svg") if e[1].get("role") == "img"]
    assert all(e[2].strip() for e in drawn), "a picture without a title"


def test_both_directions_are_named_in_words(page):
    body = words(page.one("main"))
    assert "extra bits a row when flights-july is coded with flights-january's code" in body
    assert "when flights-january is coded with flights-july's" in body
    assert not re.search(r"\bD\(|\bKL\b", body)


def test_infinity_stands_beside_its_reasons(page):
    callouts = [words(e) for e in page.all("p", class_="callout")]
    assert len(callouts) == 2
    assert "never showed" in callouts[0]
    assert "would be usual without drift" in callouts[0]


def test_keys_skipped_and_notes(page):
    body = words(page.one("main"))
    assert "Keys, not judged" in body
    assert "Skipped" in body
    asides = [words(e) for tag in ("dt", "dd") for e in page.all(tag)]
    assert {"month", "no value in common: it defines the split"} <= set(asides)
    assert {"gate", "only in flights-july"} <= set(asides)
    assert "dep_time was read as a number" in body


def test_the_histogram_is_drawn_to_scale():
    made = column("x", [str(i) for i in range(10)], [1, 1] + [0] * 8, [0] * 6 + [3, 1, 0, 0])
    page = Page(html.render(result([made])))
    (reference,) = [e for e in page.all("path") if e[1]["class"] == "reference"]
    (current,) = [e for e in page.all("path") if e[1]["class"] == "current"]
    assert heights(reference[1]["d"]) == [160, 160, 0, 0, 0, 0, 0, 0, 0, 0]
    assert heights(current[1]["d"]) == [0, 0, 0, 0, 0, 0, 240, 80, 0, 0]


def heights(path):
    ground = 240
    return [round(ground - float(y)) for y in re.findall(r"V([\d.]+)", path)[:-1]]


def test_contributions_are_listed_with_their_sum(page):
    made = result()["columns"][0]
    listed = sum(c["bits"] for c in made["contributions"])
    cells = [words(e) for e in page.elements if e[0] == "td" and re.match(r"[+−]\d", words(e))]
    shown = [float(c.replace("−", "-")) for c in cells[: len(made["contributions"])]]
    assert sum(shown) == pytest.approx(listed, abs=6e-4)


def test_fifty_columns_stay_below_a_megabyte():
    columns = [bell(f"column {i}", i / 10) for i in range(25)]
    cells = [f"category number {i}" for i in range(40)]
    columns += [
        column(f"text {i}", cells, range(1, 41), range(40, 0, -1), kind="categorical")
        for i in range(25)
    ]
    text = html.render(result(columns))
    assert len(Page(text).all("h3")) == 50
    assert len(text.encode()) < 1_000_000


def test_a_thousand_columns_still_open():
    page = Page(html.render(result([bell(f"c{i}", 0.0, bins=5) for i in range(1000)])))
    assert len(page.all("th", scope="row")) == 1000
    assert len(page.all("h3")) == html.CARDS_SHOWN
    assert "800 columns more, each with less drift, appear in the table only" in words(
        page.one("main")
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text(name):
    plain = html.render(hostile("x"))
    page = Page(html.render(hostile(name)))
    page_of_x = Page(plain)
    assert [e[0] for e in page.elements] == [e[0] for e in page_of_x.elements]
    assert page.one("script")[2] == page_of_x.one("script")[2]
    for element, same in zip(page.elements, page_of_x.elements, strict=True):
        assert set(element[1]) == set(same[1])


def hostile(name):
    return result(
        [
            column(name, [name, "b"], [1, 9], [9, 1], kind="categorical"),
            column(name, [name] * 12, range(1, 13), range(12, 0, -1), resolution=name or " "),
        ],
        reference=name,
        current=name + "2",
        keys=[{"name": name, "reason": name}],
        skipped=[{"name": name, "reason": name}],
        notes=[name],
        version=name,
    )


def test_it_is_valid_utf8_without_controls():
    for name in HOSTILE:
        text = html.render(hostile(name))
        text.encode("utf-8")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_nothing_judged_is_still_a_page():
    page = Page(html.render(result([])))
    assert "No column of flights-july could be judged" in page.one("h1")[2]
    assert not page.all("h3")


def test_a_column_without_histogram_or_contributions():
    made = bell("x", 1.0, histogram=[], contributions=[])
    assert Page(html.render(result([made]))).all("h3")
