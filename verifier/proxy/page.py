"""The page for people: what was served and refused lately, why, and who asked.

Written on the server, without scripts.  Everything shown is foreign text and escaped; the page
allows itself its one style sheet and nothing else.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote

from verifier import __version__
from verifier.outcome import Status
from verifier.proxy.journal import Served
from verifier.proxy.responses import Answer
from verifier.record import Judgement
from verifier.report.escape import printable

MAX_QUERY_CHARACTERS = 500
MAX_ROWS = 200
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
STYLE = """\
:root { color-scheme: light dark; --ink: #1d2129; --soft: #59636e; --line: #d5dae0; --back: #fff; --band: #f4f6f8;
  --good: #1a6b3c; --bad: #b3261e; --other: #8a5a00; --link: #0b57a4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --soft: #9aa5b1; --line: #3a424c; --back: #14181d;
  --band: #1c2229; --good: #6fcf97; --bad: #ff8a80; --other: #f2c14e; --link: #82b6f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; color: var(--ink); background: var(--back);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
a { color: var(--link); }
header, form { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; }
form { margin: 1rem 0; }
input { flex: 1 1 14rem; min-width: 0; font: inherit; padding: .4rem .6rem; color: inherit; background: var(--band);
  border: 1px solid var(--soft); border-radius: .3rem; }
button { font: inherit; padding: .4rem 1rem; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 1rem 0; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.2rem; font-variant-numeric: tabular-nums; }
ol { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
li { display: grid; grid-template-columns: 10.5rem 1fr; gap: 0 1rem; padding: .5rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
li p { margin: 0; grid-column: 2; color: var(--soft); font-size: .9rem; }
pre { padding: 1rem; background: var(--band); white-space: pre-wrap; overflow-wrap: anywhere; font-size: .9rem; }
time, .soft { color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
time { grid-row: span 3; }
.verified { color: var(--good); }
.unavailable { color: var(--other); }
.refused { color: var(--bad); font-weight: 600; }
@media (max-width: 40rem) { li { grid-template-columns: 1fr; } li p { grid-column: 1; }
  time { grid-row: auto; } }
"""


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures on top of the page; `digest` is that of the policy, `policy` its file."""

    requests: int
    judged: int
    hits: int
    flying: int
    policy: str
    digest: str


def overview_page(overview: Overview, query: str, served: Iterable[Served], judgements: Sequence[Judgement]) -> Answer:
    """Write the page itself; `judgements` are the latest refusals, or those that answer the query."""
    rate = f"{100 * overview.hits / overview.judged:.0f} %" if overview.judged else "-"
    figures = {"requests": overview.requests, "served at once": rate, "being fetched": overview.flying}
    requests = [_request(one) for one in served if not query or _mentions(one, query)][:MAX_ROWS]
    body = [
        '<form action="/-/" role="search">',
        f'<input type="search" name="q" value="{_text(query)}" aria-label="Search"',
        ' placeholder="coordinate, URL, record, reason code, client"><button>Search</button></form>',
        "<dl>",
        *(f"<div><dt>{_text(name)}</dt><dd>{_text(str(value))}</dd></div>" for name, value in figures.items()),
        "</dl>",
        f'<p class="soft">policy {_text(overview.policy)}<br>{_text(overview.digest)}</p>',
        f"<h2>{'On record' if query else 'Refused lately'}</h2>",
        *_list([_judgement(one) for one in judgements], "Nothing."),
        "<h2>Asked lately</h2>",
        *_list(requests, "Nothing yet." if not query else "Nothing that fits."),
    ]
    return _page(200, "verifier proxy", body)


def record_page(judgement: Judgement, story: str, served: Iterable[Served]) -> Answer:
    """Write the page of one judgement: its story as `explain` tells it, and who asked for it."""
    name = judgement.row.coordinate
    askers = [_request(one) for one in served if one.known is not None and one.known.name == name][:MAX_ROWS]
    lines = "\n".join(_text(line) for line in story.splitlines())
    body = [f"<pre>{lines}</pre>", "<h2>Asked lately</h2>", *_list(askers, "By nobody since the proxy started.")]
    return _page(200, f"record {judgement.id}", body)


def message_page(status: int, title: str, message: str) -> Answer:
    """Write a page that says one thing."""
    return _page(status, title, [f"<p>{_text(message)}</p>"])


def _page(status: int, title: str, body: Iterable[str]) -> Answer:
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f'<title>{_text(title)}</title><link rel="stylesheet" href="/-/style.css"></head><body>',
        f"<header><h1>{_text(title)}</h1>",
        '<nav><a href="/-/">overview</a> · <a href="/-/metrics">metrics</a></nav>',
        f'<span class="soft">verifier {_text(__version__)}</span></header><main>',
        *body,
        "</main></body></html>",
    ]
    return Answer(status, "OK" if status == 200 else title, "\n".join(lines).encode(), dict(HEADERS))  # noqa: PLR2004  (the number is the plainest name of it)


def _list(rows: Sequence[str], otherwise: str) -> Iterator[str]:
    if not rows:
        yield f"<p>{_text(otherwise)}</p>"
        return
    yield "<ol>"
    yield from rows
    yield "</ol>"


def _request(served: Served) -> str:
    known = served.known
    if known is None:
        raise ValueError("only what was judged is listed")
    word = known.status.value if known.status is Status.VERIFIED else f"{known.status.value} {known.code}"
    how = "at once" if served.hit else f"in {served.seconds:.1f} s"
    size = f", {served.size} bytes" if served.status in {200, 206} and served.method == "GET" else ""
    return (
        f"<li>{_time(served.at)}"
        f'<span><span class="{known.status.value}">{_text(word)}</span> {_linked(known.name, known.record)}</span>'
        f"<p>{_text(served.method)} {_text(served.path)}: {served.status} {how}{size}</p>"
        f"<p>{_text(served.client)} {_text(served.agent)}</p></li>"
    )


def _judgement(judgement: Judgement) -> str:
    row = judgement.row
    word = f"{row.status} {row.code}".rstrip()
    status = row.status if row.status in {status.value for status in Status} else ""
    return (
        f"<li>{_time(row.seen)}"
        f'<span><span class="{status}">{_text(word)}</span> {_linked(row.coordinate, str(judgement.id))}</span>'
        f"<p>{_text(row.url or row.file)}</p></li>"
    )


def _linked(name: str, record: str) -> str:
    return f'<a href="/-/record/{quote(record)}">{_text(name)}</a>' if record else _text(name)


def _time(seconds: float) -> str:
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return "<time>-</time>"
    return f"<time>{moment:%Y-%m-%d %H:%M:%S}</time>"


def _mentions(served: Served, query: str) -> bool:
    known = served.known
    texts = (served.path, served.client, served.agent, *((known.name, known.code, known.record) if known else ()))
    return any(query.lower() in text.lower() for text in texts)


def _text(text: str) -> str:
    return escape(printable(text))
