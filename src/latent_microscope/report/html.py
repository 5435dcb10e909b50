"""The story page as one HTML file: no script, nothing from a network, every word escaped."""

import base64
import hashlib
import html
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from latent_microscope.report.blocks import Block, Code, Link, Picture, Reading, Strong, Table, Text
from latent_microscope.report.captions import first_sentence
from latent_microscope.report.document import Document, Source
from latent_microscope.report.images import Small
from latent_microscope.report.read_figures import figure_reading
from latent_microscope.report.style import STYLE
from latent_microscope.report.words import HOW_TO_READ, MADE_UP, STANDS_OUT, TITLE, pieces

_INPUTS = 12


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def el(tag: str, *content: str, **attributes: str | None) -> Html:
    """An element. Content that is not :class:`Html` and all attributes are escaped."""
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = "".join(c if isinstance(c, Html) else html.escape(c, quote=False) for c in content)
    return Html(f"<{tag}{named}>" if tag in ("img", "meta") else f"<{tag}{named}>{inside}</{tag}>")


def page(documents: Sequence[Document], images: dict[Path, Small], folder: Path) -> str:
    """The whole page.

    Args:
        documents: The studies, in their order.
        images: The figures of all of them, by path.
        folder: Where the page will lie: links to tables are relative to it.
    """
    names = ", ".join(d.name for d in documents)
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    policy += "; base-uri 'none'; form-action 'none'"
    head = [
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width,initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"Latent Microscope: {names}"),
        Html(f"<style>{STYLE}</style>"),
    ]
    body = [
        el("a", "To the text", class_="skip", href="#text"),
        el(
            "div",
            _contents(documents),
            el("main", *_main(documents, images, folder), id="text"),
            class_="frame",
        ),
    ]
    whole = el("html", el("head", *head), el("body", *body), lang="en")
    return f"<!DOCTYPE html>\n{whole}\n"


def _contents(documents: Sequence[Document]) -> Html:
    items = []
    for document in documents:
        inner = [
            el("li", el("a", "In short", href=f"#{document.name}-short")),
            *(
                el("li", el("a", section.title, href=f"#{document.name}-{section.key}"))
                for section in document.sections
            ),
            el("li", el("a", "Provenance", href=f"#{document.name}-origins")),
        ]
        link = el("a", document.name, class_="study", href=f"#{document.name}")
        items.append(el("li", link, el("ol", *inner)))
    return el("nav", el("ol", *items), aria_label="Contents")


def _main(documents: Sequence[Document], images: dict[Path, Small], folder: Path) -> Iterator[Html]:
    yield el("h1", TITLE)
    yield el("p", HOW_TO_READ)
    for document in documents:
        yield from _study(document, images, folder)
    yield el(
        "footer",
        el(
            "p",
            "One file, no network, no script. Written by the step write_report; its sidecar and "
            "those of all artefacts hold times and memory.",
        ),
    )


def _study(document: Document, images: dict[Path, Small], folder: Path) -> Iterator[Html]:
    yield el("h2", document.name, id=document.name)
    if document.question:
        yield el("p", document.question, class_="question")
    if document.made_up:
        yield el("p", MADE_UP, class_="notice")
    yield el("h3", "In short", id=f"{document.name}-short")
    yield el(
        "ul",
        *(
            el(
                "li",
                el("a", section.title, href=f"#{document.name}-{section.key}"),
                ": ",
                *_numbers(reading.text, document.tables[reading.source]),
            )
            for section, reading in document.short
        ),
        class_="short",
    )
    yield el("h3", "What was run", id=f"{document.name}-run")
    yield _pairs(document.facts)
    if document.explorer:
        where = quote(os.path.relpath(document.explorer, folder))
        link = el("a", document.explorer, href=where)
        yield el("p", "Every sample on a map, beside this page in the results folder: ", link, ".")
    yield el(
        "details",
        el("summary", "All settings of this study"),
        el("pre", document.settings),
    )
    for section in document.sections:
        yield el("h3", section.title, id=f"{document.name}-{section.key}")
        yield from _blocks(section.blocks, document, images)
    yield el("h3", "Provenance", id=f"{document.name}-origins")
    yield el(
        "p",
        "The command under each file prints its whole chain of jobs, back to the data; for a "
        "table add ",
        el("code", "--row N"),
        " with the number in its last column. A page that was mailed keeps the hashes: ",
        el("code", "sha256sum"),
        " of the file must give the same.",
    )
    entries = [_origin(source, folder) for source in document.sources()]
    yield el("div", *entries, class_="origins")


def _pairs(pairs: Iterable[tuple[str, str]]) -> Html:
    return el("dl", *(part for k, v in pairs for part in (el("dt", k), el("dd", v))))


def _blocks(
    blocks: Sequence[Block], document: Document, images: dict[Path, Small]
) -> Iterator[Html]:
    lead: Html | None = None
    readings: list[Html] = []
    for block in blocks:
        if isinstance(block, Reading):
            readings.append(el("p", *_numbers(block.text, document.tables[block.source])))
            continue
        if readings:
            yield el("div", *readings, class_="reading", role="note", aria_label="Reading")
            readings = []
        if lead is not None and not isinstance(block, Table):
            yield el("p", lead)
            lead = None
        if isinstance(block, Text):
            lead = Html("".join(el("span", *_inline(block, document))))
        elif isinstance(block, Table):
            yield from _table(block, lead or Html(""), document)
            lead = None
        else:
            yield _figure(block, document, images)
    if readings:
        yield el("div", *readings, class_="reading", role="note", aria_label="Reading")
    if lead is not None:
        yield el("p", lead)


def _inline(text: Text, document: Document) -> Iterator[str]:
    for part in text.parts:
        if isinstance(part, Link):
            yield el("a", part.text, href=f"#{document.tables[part.table].anchor}")
        else:
            yield el("code", part) if isinstance(part, Code) else part


def _numbers(text: str, source: Source) -> Iterator[str]:
    """The words, each number a link to where it came from."""
    for word, is_number in pieces(text):
        yield el("a", word, class_="n", href=f"#{source.anchor}") if is_number else word


def _table(block: Table, lead: Html, document: Document) -> Iterator[Html]:
    source = document.tables.get(block.source)
    numbered = source is not None and len(block.numbers) == len(block.rows)
    head = [el("th", name, scope="col") for name in block.head]
    if numbered:
        head.append(el("th", "row", scope="col"))
    rows = []
    for place, row in enumerate(block.rows):
        cells = [el("th", _cell(row[0]), scope="row")]
        cells += [
            el("td", _cell(cell), class_="warn" if cell in STANDS_OUT else None) for cell in row[1:]
        ]
        if numbered and source is not None:
            cells.append(_where(source, block.numbers[place]))
        rows.append(el("tr", *cells))
    made = el(
        "table",
        el("caption", lead),
        el("thead", el("tr", *head)),
        el("tbody", *rows),
    )
    yield el(
        "div",
        made,
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=f"Table {block.source}",
    )
    caption = document.table_caption(block.source)
    if caption:
        yield el("details", el("summary", "How this table is made"), el("p", caption))


def _cell(cell: str) -> str:
    if isinstance(cell, Code):
        return el("code", cell)
    return el("strong", cell) if isinstance(cell, Strong) else cell


def _where(source: Source, number: int) -> Html:
    command = f"{source.origin.command} --row {number}"
    link = el("a", str(number), href=f"#{source.anchor}", title=command)
    return el("td", link, class_="where")


def _figure(block: Picture, document: Document, images: dict[Path, Small]) -> Html:
    source = document.figures[block.name]
    image = images[source.path]
    caption = document.figure_caption(block.name)
    alt = f"{document.name}, {block.name}: {first_sentence(caption) or block.text}"
    picture = el(
        "img",
        src=image.uri,
        alt=alt,
        width=str(image.width),
        height=str(image.height),
        decoding="async",
    )
    title = el("b", f"Figure {document.figure_number(block.name)}: {block.name}")
    link = el("a", "Provenance", href=f"#{source.anchor}")
    words = el("figcaption", title, ". ", caption, " ", link)
    reading = figure_reading(document.study, block.name)
    if reading is None:
        return el("figure", picture, words)
    told = el("p", *_numbers(reading.text, document.tables[reading.source]), class_="reads")
    return el("figure", picture, told, words)


def _origin(source: Source, folder: Path) -> Html:
    origin = source.origin
    where = os.path.relpath(source.path, folder)
    facts = [
        (el("dt", "file"), el("dd", el("a", str(source.path), href=quote(where)))),
        (el("dt", "SHA-256"), el("dd", el("code", origin.sha256), f" ({origin.path.name})")),
        (el("dt", "step"), el("dd", el("code", origin.step), ", code ", el("code", origin.code))),
        (el("dt", "seeds"), el("dd", origin.seed_text)),
        (el("dt", "data"), el("dd", ", ".join(origin.data) or "generated by the workflow")),
        (el("dt", "chain"), el("dd", el("code", origin.command))),
    ]
    inputs = [el("li", el("code", sha[:16]), " ", name) for name, sha in origin.inputs.items()]
    more = []
    if len(inputs) > _INPUTS:
        more = [el("li", f"and {len(inputs) - _INPUTS} more, in its sidecar")]
    details = el(
        "details",
        el("summary", f"{len(inputs)} inputs, params"),
        el("ul", *inputs[:_INPUTS], *more),
        el("pre", origin.params),
    )
    title = el("h4", source.label)
    flat = [part for pair in facts for part in pair]
    return el("article", title, el("dl", *flat), details, id=source.anchor)
