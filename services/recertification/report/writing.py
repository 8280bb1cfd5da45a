"""Writing a report: from what is told of a campaign to the bytes of a PDF, without a signature yet."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import as_file, files
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from services.recertification.report.texts import TEXTS

FONT = "NotoSans"
_FONT_FILE = "NotoSans[wdth,wght].ttf"
_HEAD = ParagraphStyle("head", fontName=FONT, fontSize=16, leading=21, spaceAfter=6)
_SECTION = ParagraphStyle("section", fontName=FONT, fontSize=12, leading=16, spaceBefore=10, spaceAfter=4)
_TEXT = ParagraphStyle("text", fontName=FONT, fontSize=9, leading=12.5)
_ITEM = ParagraphStyle("item", parent=_TEXT, spaceBefore=5, leftIndent=4 * mm)
_TITLE_LENGTH = 200


def write(told: Mapping[str, Any]) -> bytes:
    """Return the report as a PDF; ``told`` is what ``actions`` gathers, with every moment as text."""
    _register_font()
    words = TEXTS[told["language"]]
    out = BytesIO()
    paper = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=18 * mm,
        rightMargin=18 * mm,
        topMargin=18 * mm,
        bottomMargin=18 * mm,
        title=f"{words['title']}: {_shown(told['title'])}"[:_TITLE_LENGTH],
        author="Portico",
        lang=told["language"].lower(),
    )

    def foot(canvas: Any, page: Any) -> None:
        canvas.setFont(FONT, 8)
        canvas.drawString(18 * mm, 10 * mm, f"{told['campaign_id']} · {words['page']} {page.page}")

    paper.build(list(_story(told, words)), onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def _register_font() -> None:
    if FONT not in pdfmetrics.getRegisteredFontNames():
        with as_file(files("fontpkg_noto_sans") / "files" / _FONT_FILE) as path:
            pdfmetrics.registerFont(TTFont(FONT, str(path)))
        pdfmetrics.registerFontFamily(FONT, normal=FONT, bold=FONT, italic=FONT, boldItalic=FONT)


def _story(told: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[Flowable]:
    yield Paragraph(escape(words["title"]), _HEAD)
    yield _pairs(_head(told, words))
    yield Paragraph(escape(words["counts"]), _SECTION)
    yield _pairs(_counts(told, words))
    yield Spacer(0, 3 * mm)
    yield Paragraph(escape(words["signed"]), _TEXT)
    yield Paragraph(escape(words["as_of"].format(until=told["confirmable_until"])), _TEXT)
    yield Paragraph(escape(words["items"]), _SECTION)
    for number, item in enumerate(told["items"], 1):
        yield Paragraph("<br/>".join(escape(_shown(line)) for line in _lines(number, item, words)), _ITEM)


def _pairs(rows: Sequence[tuple[str, str]]) -> Flowable:
    cells = [[Paragraph(escape(name), _TEXT), Paragraph(escape(_shown(value)), _TEXT)] for name, value in rows]
    return Table(cells, colWidths=[48 * mm, 126 * mm], hAlign="LEFT", style=[("VALIGN", (0, 0), (-1, -1), "TOP")])


def _head(told: Mapping[str, Any], words: Mapping[str, str]) -> list[tuple[str, str]]:
    starter = words[told["side"]] if told["starter"] is None else f"{words[told['side']]}: {told['starter']}"
    kinds = ", ".join(words[each] for each in told["kinds"])
    which = words[told["which"]].format(days=told["days"])
    return [
        (words["campaign"], f"{told['title']} ({told['campaign_id']})"),
        (words["reason"], told["reason"]),
        (words["starter"], f"{starter}, {told['started_by']}"),
        (words["scope"], f"{kinds}; {which}"),
        (words["uses_known"], told["uses_known_since"] or words["unknown"]),
        (words["started"], told["started_at"]),
        (words["due"], told["due_at"]),
        (words["ended"], told["ended_at"]),
        (words["made"], told["made_at"]),
    ]


def _counts(told: Mapping[str, Any], words: Mapping[str, str]) -> list[tuple[str, str]]:
    counts = told["counts"]
    rows = [(words[status], str(counts[status])) for status in ("CONFIRMED", "GIVEN_UP", "NOT_CONFIRMED", "ENDED")]
    return [(words["total"], str(len(told["items"]))), (words["organizations"], str(told["organizations"])), *rows]


def _lines(number: int, item: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[str]:
    yield f"{number}. {words[item['kind']]} {item['subject_id']}"
    held = [("holder", "holder"), ("product", "product"), ("of_provider", "provider"), ("application", "application")]
    yield "; ".join(f"{words[name]}: {item[key]}" for name, key in [*held, ("detail", "detail")] if item[key])
    unknown = words["unknown"]
    dates = f"{words['since']}: {item['since'] or unknown}; {words['used']}: {item['last_used_on'] or unknown}"
    yield dates if item["lapses_at"] is None else f"{dates}; {words['lapses']}: {item['lapses_at']}"
    outcome = f"{words['outcome']}: {words[item['status']]}"
    if item["is_late"]:
        outcome = f"{outcome}, {words['late']}"
    if item["by"]:
        outcome = f"{outcome}; {words['by']}: {item['by']}"
    yield outcome if item["at"] is None else f"{outcome}; {words['at']}: {item['at']}"
    if item["said"]:
        yield f"{words['said']}: {item['said']}"


def _shown(text: str) -> str:
    """Return a text in one line, without what is no letter, sign or space."""
    kept = "".join(each if unicodedata.category(each)[0] != "C" else " " for each in text)
    return " ".join(kept.split())
