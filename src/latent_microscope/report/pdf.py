"""The story page as PDF, by reportlab: pure Python, no system library, the same bytes each time.

The glyphs are those of DejaVu, which matplotlib brings along.
"""

import importlib.util
import io
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab import rl_config
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    Image,
    LongTable,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
)

from latent_microscope.errors import InputError
from latent_microscope.report.blocks import Block, Code, Link, Picture, Reading, Strong, Table, Text
from latent_microscope.report.document import Document, Source
from latent_microscope.report.images import Small
from latent_microscope.report.read_figures import figure_reading
from latent_microscope.report.words import HOW_TO_READ, MADE_UP, STANDS_OUT, TITLE, pieces

_FONTS = {"Text": "DejaVuSans", "Text-Bold": "DejaVuSans-Bold", "Mono": "DejaVuSansMono"}
_MARGIN = 50.0
_WIDTH = A4[0] - 2 * _MARGIN
_TALLEST, _TALL = 0.42 * A4[1], 0.7 * A4[1]  # two a page; one, where it is taller than wide
_INK = colors.HexColor("#1c2024")
_SOFT = colors.HexColor("#5b6570")
_LINE = colors.HexColor("#c5ccd3")
_ACCENT = colors.HexColor("#0072b2")
_PANEL = colors.HexColor("#f3f6f8")
_WARN = colors.HexColor("#a64b00")
_INPUTS = 6


def _style(name: str, size: float, **options: object) -> ParagraphStyle:
    given = {"fontName": "Text", "fontSize": size, "leading": 1.35 * size, "textColor": _INK}
    return ParagraphStyle(name, **(given | options))


_TITLE = _style("title", 20, fontName="Text-Bold", spaceAfter=6)
_STUDY = _style("study", 17, fontName="Text-Bold", spaceAfter=6)
_SECTION = _style("section", 12, fontName="Text-Bold", spaceBefore=14, spaceAfter=5, keepWithNext=1)
_ENTRY = _style("entry", 7.5, fontName="Text-Bold", spaceBefore=7, keepWithNext=1)
_BODY = _style("body", 9, spaceAfter=5)
_QUESTION = _style("question", 10, textColor=_SOFT, spaceAfter=8)
_BULLET = _style("bullet", 9, leftIndent=10, bulletIndent=0, spaceAfter=3)
_READING = _style(
    "reading", 9, backColor=_PANEL, borderPadding=(4, 6, 4, 8), leftIndent=8, rightIndent=6,
    spaceBefore=4, spaceAfter=7,
)  # fmt: skip
_LEAD = _style("lead", 8, spaceBefore=6, spaceAfter=4, keepWithNext=1)
_CAPTION = _style("caption", 7, textColor=_SOFT, spaceBefore=3, spaceAfter=10)
_READS = _style("reads", 8, spaceBefore=3)
_CELL = _style("cell", 6.2, splitLongWords=1)
_HEAD = _style("head", 6.2, fontName="Text-Bold")
_SMALL = _style("small", 6.5, textColor=_SOFT)


def pdf(documents: Sequence[Document], images: dict[Path, Small]) -> bytes:
    """The whole document.

    Args:
        documents: The studies, in their order.
        images: The figures of all of them, by path.
    """
    _register()
    rl_config.useA85 = 0  # images as they are, not a quarter larger as text
    stream = io.BytesIO()
    template = _Template(
        stream,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"{TITLE}: {', '.join(d.name for d in documents)}",
        author="Latent Microscope",
        lang="en",
        invariant=1,
    )
    template.build(list(_story(documents, images)))
    return stream.getvalue()


@lru_cache(maxsize=1)
def _register() -> None:
    """Fonts, once a process; found without importing matplotlib."""
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        raise InputError("matplotlib is not installed, and the page's fonts come with it")
    folder = Path(found.origin).parent / "mpl-data/fonts/ttf"
    for name, file in _FONTS.items():
        pdfmetrics.registerFont(TTFont(name, folder / f"{file}.ttf"))
    pdfmetrics.registerFontFamily("Text", normal="Text", bold="Text-Bold")


class _Heading(Paragraph):
    """A title with a place in the outline."""

    def __init__(self, text: str, style: ParagraphStyle, anchor: str, level: int):
        super().__init__(f'<a name="{escape(anchor)}"/>{escape(text)}', style)
        self.place = (text, anchor, level)


class _Template(BaseDocTemplate):
    """Pages with a foot, and an outline of the headings."""

    def __init__(self, stream: io.BytesIO, **options: object):
        super().__init__(stream, **options)
        frame = Frame(self.leftMargin, self.bottomMargin, self.width, self.height, 0, 0, 0, 0)
        self.addPageTemplates([PageTemplate("page", [frame], onPage=_foot)])

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802 (reportlab's name)
        if isinstance(flowable, _Heading):
            text, anchor, level = flowable.place
            self.canv.bookmarkPage(f"outline-{anchor}")
            self.canv.addOutlineEntry(text, f"outline-{anchor}", level, closed=level == 0)


def _foot(canvas: Canvas, template: BaseDocTemplate) -> None:
    canvas.setFont("Text", 7)
    canvas.setFillColor(_SOFT)
    canvas.drawRightString(A4[0] - _MARGIN, _MARGIN / 2, str(template.page))
    canvas.drawString(_MARGIN, _MARGIN / 2, TITLE)


def _story(documents: Sequence[Document], images: dict[Path, Small]) -> Iterator[Flowable]:
    yield Paragraph(escape(TITLE), _TITLE)
    yield Paragraph(escape(HOW_TO_READ), _BODY)
    for document in documents if len(documents) > 1 else ():
        target = f'<a href="#{escape(document.name)}" color="#0b5cad">{escape(document.name)}</a>'
        yield Paragraph(target, _BULLET, bulletText="•")
    for place, document in enumerate(documents):
        if place:
            yield PageBreak()
        yield from _study(document, images)


def _study(document: Document, images: dict[Path, Small]) -> Iterator[Flowable]:
    yield Spacer(1, 10)
    yield _Heading(document.name, _STUDY, document.name, 0)
    if document.question:
        yield Paragraph(escape(document.question), _QUESTION)
    if document.made_up:
        yield Paragraph(f"<b>{escape(MADE_UP)}</b>", _READING)
    yield _Heading("In short", _SECTION, f"{document.name}-short", 1)
    for section, reading in document.short:
        anchor = escape(f"{document.name}-{section.key}")
        text = f'<a href="#{anchor}"><b>{escape(section.title)}</b></a>: '
        text += _linked(reading.text, document.tables[reading.source])
        yield Paragraph(text, _BULLET, bulletText="•")
    yield _Heading("What was run", _SECTION, f"{document.name}-run", 1)
    for label, value in document.facts:
        yield Paragraph(f"<b>{escape(label)}</b>: {escape(value)}", _BODY)
    if document.explorer:
        yield Paragraph(f"<b>Explorer</b>: {escape(document.explorer)}", _BODY)
    for section in document.sections:
        yield CondPageBreak(90)
        yield _Heading(section.title, _SECTION, f"{document.name}-{section.key}", 1)
        for block in section.blocks:
            yield from _block(block, document, images)
    yield CondPageBreak(120)
    yield _Heading("Provenance", _SECTION, f"{document.name}-origins", 1)
    for source in document.sources():
        yield from _origin(source)


def _block(block: Block, document: Document, images: dict[Path, Small]) -> Iterator[Flowable]:
    if isinstance(block, Reading):
        yield Paragraph(_linked(block.text, document.tables[block.source]), _READING)
    elif isinstance(block, Text):
        yield Paragraph("".join(_inline(block, document)), _LEAD)
    elif isinstance(block, Table):
        yield from _table(block, document)
    else:
        yield from _figure(block, document, images)


def _inline(text: Text, document: Document) -> Iterator[str]:
    for part in text.parts:
        if isinstance(part, Link):
            anchor = escape(document.tables[part.table].anchor)
            yield f'<a href="#{anchor}" color="#0b5cad">{escape(part.text)}</a>'
        else:
            yield (
                f'<font name="Mono">{escape(part)}</font>'
                if isinstance(part, Code)
                else escape(part)
            )


def _linked(text: str, source: Source) -> str:
    anchor = escape(source.anchor)
    return "".join(
        f'<a href="#{anchor}" color="#0b5cad">{escape(word)}</a>' if is_number else escape(word)
        for word, is_number in pieces(text)
    )


def _table(block: Table, document: Document) -> Iterator[Flowable]:
    source = document.tables.get(block.source)
    numbered = source is not None and len(block.numbers) == len(block.rows)
    head = [*block.head, *(["row"] if numbered else [])]
    rows = [
        [*row, *([str(block.numbers[i])] if numbered else [])] for i, row in enumerate(block.rows)
    ]
    cells = [[Paragraph(escape(name), _HEAD) for name in head]]
    for row in rows:
        line = [Paragraph(_cell(cell), _CELL) for cell in row]
        if numbered and source is not None:
            target = f'<a href="#{escape(source.anchor)}" color="#5b6570">{row[-1]}</a>'
            line[-1] = Paragraph(target, _CELL)
        cells.append(line)
    table = LongTable(cells, colWidths=column_widths(head, rows), repeatRows=1, hAlign="LEFT")
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, _SOFT),
            ("LINEBELOW", (0, 1), (-1, -1), 0.3, _LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 6),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ]
    )
    yield table
    yield Spacer(1, 8)


def _cell(cell: str) -> str:
    text = escape(cell)
    if cell in STANDS_OUT:
        return f'<b><font color="#a64b00">{text}</font></b>'
    if isinstance(cell, Code):
        return f'<font name="Mono">{text}</font>'
    return f"<b>{text}</b>" if isinstance(cell, Strong) else text


def column_widths(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[float]:
    """Columns as wide as their words, or the page shared out between the wide ones.

    Args:
        head: Names of the columns.
        rows: Their cells; warnings and :class:`Strong` ones are bold.

    Returns:
        Points of each column.
    """
    _register()

    def width(text: str, style: ParagraphStyle) -> float:
        return pdfmetrics.stringWidth(text, style.fontName, style.fontSize) + 8.0

    def style_of(cell: str) -> ParagraphStyle:
        return _HEAD if cell in STANDS_OUT or isinstance(cell, Strong) else _CELL

    wanted, least = [], []
    for place, name in enumerate(head):
        column = [row[place] for row in rows]
        words = [width(word, _HEAD) for word in name.split()]
        words += [width(word, style_of(cell)) for cell in column for word in cell.split()]
        least.append(min(max(words, default=8.0), _WIDTH / 4))
        whole = max([width(cell, style_of(cell)) for cell in column], default=8.0)
        wanted.append(max(whole, least[-1], min(width(name, _HEAD), 70.0)))
    room = _WIDTH - sum(least)
    more = sum(w - n for w, n in zip(wanted, least, strict=True))
    if sum(wanted) <= _WIDTH or more <= 0:
        return wanted
    share = max(room, 0.0) / more
    scale = min(1.0, _WIDTH / sum(least))
    return [scale * n + share * (w - n) for w, n in zip(wanted, least, strict=True)]


def _figure(block: Picture, document: Document, images: dict[Path, Small]) -> Iterator[Flowable]:
    source = document.figures[block.name]
    image = images[source.path]
    width = min(_WIDTH, image.width * 0.42)
    height = width * image.height / image.width
    most = _TALL if image.height > image.width else _TALLEST
    if height > most:
        width, height = width * most / height, most
    drawn = Image(io.BytesIO(image.content), width, height, hAlign="LEFT")
    reading = figure_reading(document.study, block.name)
    if reading is not None:
        told = Paragraph(_linked(reading.text, document.tables[reading.source]), _READS)
        told.keepWithNext = 1
    number = document.figure_number(block.name)
    words = escape(document.figure_caption(block.name))
    caption = f"<b>Figure {number}: {escape(block.name)}</b>. {words} "
    caption += f'<a href="#{escape(source.anchor)}" color="#0b5cad">Provenance</a>'
    drawn.keepWithNext = 1
    yield drawn
    if reading is not None:
        yield told
    yield Paragraph(caption, _CAPTION)


def _origin(source: Source) -> Iterator[Flowable]:
    origin = source.origin
    yield Paragraph(f'<a name="{escape(source.anchor)}"/>{escape(source.label)}', _ENTRY)
    inputs = list(origin.inputs)
    more = f" and {len(inputs) - _INPUTS} more" if len(inputs) > _INPUTS else ""
    facts = (
        ("file", str(origin.path)),
        ("SHA-256", origin.sha256),
        ("step", f"{origin.step}, code {origin.code}"),
        ("seeds", origin.seed_text),
        ("data", ", ".join(origin.data) or "none"),
        ("inputs", ", ".join(inputs[:_INPUTS]) + more or "none"),
        ("chain", origin.command),
    )
    for label, value in facts:
        yield Paragraph(f"{label}: {escape(value)}", _SMALL)
