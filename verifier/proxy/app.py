"""The proxy over HTTP: reads a request, has it answered, and sees to starting, stopping and a new policy.

One process, one event loop; whatever blocks is done in threads.  The order of a request is:
method, path, verdict, and only then the file.
"""

import asyncio
import logging
import re
import ssl
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qs, urlsplit

from aiohttp import HttpVersion11, web

from verifier.cache import Opened, open_stamped, open_verified
from verifier.digest import Algorithm
from verifier.errors import CacheError, VerifierError
from verifier.fetch import Verifier
from verifier.proxy import page
from verifier.proxy.connections import Server
from verifier.proxy.flights import Asked, Busy, Flights, Slow
from verifier.proxy.journal import Journal, Served
from verifier.proxy.known import Content, Known
from verifier.proxy.paths import Part, PathAbsent, PathInvalid, Target, parse_target
from verifier.proxy.responses import Answer, Span, beside, file_headers, problem, span, text, trouble
from verifier.proxy.send import hash_and_close, respond, send
from verifier.report.explanation import explain_plainly
from verifier.upkeep import expel

PATIENCE_SECONDS = 18
"""How long a fetch is waited for: build tools hang up after 20 to 30 seconds without a first byte."""
STOP_SECONDS = 10
"""How long open answers may take once the proxy is told to stop."""
KEEPALIVE_SECONDS = 75
LINGER_SECONDS = 2
MAX_LINE_BYTES = 4 * 1024
MAX_HEADERS = 64
SWEEP_SECONDS = 24 * 60 * 60
ASK_KEYS_AGAIN_SECONDS = 15 * 60
"""After how long a key server that failed, or had no such key, is asked again: this run has no end of its own."""
BACKLOG = 1_024
MAX_TRIES = 8
"""How often a file is asked for again that is gone as soon as it is there."""
_PATIENT = re.compile(r"Gradle/|[Bb]azel/|rules_jvm_external|Apache-Maven/3\.[0-8](?![0-9])")
"""Clients that ask again by themselves when they have waited too long, or would not ask again after a 503."""
_RECORD = re.compile(r"/-/record/([0-9]{1,18})(?![0-9])")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the proxy listens, how it says no, how long a fetch is waited for, and how time passes."""

    host: str
    port: int
    refusal_status: int
    tls: ssl.SSLContext | None = None
    patience: float = PATIENCE_SECONDS
    clock: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class _Noted:
    """What becomes known of a request while it is answered."""

    known: Known | None = None
    hit: bool = False
    size: int = 0


class Proxy:
    """Serves verified files; made once, started and stopped by its owner, in one event loop.

    `open_verifier` reads the policy and gives a verifier that is not started; it is called at the
    start and for every reload.
    """

    def __init__(self, open_verifier: Callable[[], Verifier], settings: Settings, journal: Journal) -> None:
        self._open_verifier = open_verifier
        self._settings = settings
        self._journal = journal
        self._flights: Flights | None = None
        self._server: Server | None = None
        self._runner: web.ServerRunner | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._reloading = asyncio.Lock()
        self._sweeping = asyncio.Lock()
        self._stopping = False
        journal.watch("verifier_flights", "Fetches under way or waiting.", self._flying)
        journal.watch("verifier_connections", "Connections of clients.", self._connections)

    async def start(self) -> str:
        """Open everything and listen; gives the URL under which it does.

        Raises: `ConfigError`; `CacheError`; `OSError` where the address cannot be listened on.
        """
        self._flights = self._new_flights(await asyncio.to_thread(self._started_verifier))
        self._server = Server(
            self._handle,
            access_log=None,
            logger=_logger(self._journal),
            keepalive_timeout=KEEPALIVE_SECONDS,
            lingering_time=LINGER_SECONDS,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
        )
        self._runner = web.ServerRunner(self._server, handle_signals=False, shutdown_timeout=STOP_SECONDS)
        await self._runner.setup()
        settings = self._settings
        try:
            site = web.TCPSite(
                self._runner,
                settings.host,
                settings.port,
                ssl_context=settings.tls,
                backlog=BACKLOG,
                reuse_address=True,
            )
            await site.start()
        except BaseException:
            await self.stop()
            raise
        self._spawn(self._sweep_daily())
        self._spawn(self._ask_keys_again())
        scheme = "http" if settings.tls is None else "https"
        host, port = self._runner.addresses[0][:2]
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self) -> None:
        """Stop listening, let open answers finish, drop what is being fetched, close everything."""
        self._stopping = True
        if self._runner is not None:
            await self._runner.cleanup()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._flights is not None:
            await asyncio.to_thread(self._flights.stop)

    async def reload(self) -> None:
        """Read the policy again and go by it from now on; one that is wrong changes nothing.

        What was asked under the old policy is answered under it.
        """
        async with self._reloading:
            before = self._live()
            try:
                verifier = await asyncio.to_thread(self._started_verifier)
            except VerifierError as error:
                self._journal.reloaded("refused")
                self._journal.say(f"the policy is not taken, the old one stays: {error}")
                return
            self._flights = self._new_flights(verifier)
            self._journal.reloaded("taken")
            self._journal.say(f"policy {verifier.rules.policy.file or 'built in'}, {verifier.rules.digest}")
            self._spawn(self._retire(before))
            self._spawn(self._sweep(self._flights))

    def _started_verifier(self) -> Verifier:
        verifier = self._open_verifier()
        verifier.start()
        return verifier

    def _new_flights(self, verifier: Verifier) -> Flights:
        return Flights(verifier, self._journal.judgement, self._settings.clock)

    async def _retire(self, flights: Flights) -> None:
        """Stop what went by an old policy, once nobody waits for it and no sweep goes by it."""
        try:
            await flights.land()
            await self._sweeping.acquire()
            self._sweeping.release()
        finally:
            await asyncio.to_thread(flights.stop)

    async def _sweep_daily(self) -> None:
        while True:
            await self._sweep(self._live())
            await asyncio.sleep(SWEEP_SECONDS)

    async def _ask_keys_again(self) -> None:
        while True:
            await asyncio.sleep(ASK_KEYS_AGAIN_SECONDS)
            # Whoever reads keys meanwhile holds them, and no client must wait for that.
            await asyncio.to_thread(self._live().verifier.ask_keys_again)

    async def _sweep(self, flights: Flights) -> None:
        """Take out of the cache what policy no longer admits: others may serve it as it lies."""
        async with self._sweeping:
            try:
                removed = await asyncio.to_thread(
                    expel, flights.verifier, lambda: self._flights is flights and not self._stopping
                )
            except VerifierError as error:
                self._journal.say(f"the cache could not be judged again: {error}")
                return
        for outcome in removed:
            code = outcome.cause.code if outcome.cause else ""
            self._journal.say(f"taken out of the cache: {outcome.name} ({code})")

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _live(self) -> Flights:
        if self._flights is None:
            raise RuntimeError("the proxy was not started")
        return self._flights

    def _listening(self) -> Server:
        if self._server is None:
            raise RuntimeError("the proxy was not started")
        return self._server

    def _flying(self) -> float:
        return 0 if self._flights is None else self._flights.flying

    def _connections(self) -> float:
        return 0 if self._server is None else len(self._server.connections)

    # One request

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        began, at, noted, status = time.monotonic(), time.time(), _Noted(), 0
        try:
            with self._listening().answering(request):
                response = await self._response(request, noted)
            status = response.status
        finally:
            # Status 0: the client went away, or the answer was cut.
            self._journal.served(
                Served(
                    at=at,
                    method=request.method,
                    path=request.raw_path,
                    status=status,
                    size=noted.size if status else 0,
                    seconds=time.monotonic() - began,
                    client=request.remote or "",
                    agent=request.headers.get("User-Agent", ""),
                    hit=noted.hit,
                    known=noted.known,
                )
            )
        return response

    async def _response(self, request: web.BaseRequest, noted: _Noted) -> web.StreamResponse:
        wrong = _wrong(request) or self._crowded()
        if wrong is not None:
            return respond(wrong, close=True)
        if request.raw_path.startswith("/-/") or request.raw_path == "/":
            return respond(await self._own(request.raw_path))
        try:
            target = parse_target(request.raw_path)
        except PathInvalid as error:
            return respond(text(400, "Bad Request", str(error)))
        except PathAbsent as error:
            return respond(text(404, "Not Found", str(error)))
        try:
            return await self._serve(request, target, noted)
        except CacheError as error:
            self._journal.say(f"the cache cannot be used: {error}; {error.hint}")
            return respond(trouble(503, "cache-error", f"the proxy's cache cannot be used: {error.problem}"))

    async def _serve(self, request: web.BaseRequest, target: Target, noted: _Noted) -> web.StreamResponse:
        """Answer for a file: judged, then opened; once more where it is gone by then, as during a prune."""
        asked = Asked(target.repository, target.subject)
        for _ in range(MAX_TRIES):
            flights = self._live()
            known = flights.remembered(asked)
            noted.hit = known is not None
            if known is None:
                patience = None if _PATIENT.search(request.headers.get("User-Agent", "")) else self._settings.patience
                try:
                    known = await flights.ask(asked, patience)
                except Slow:
                    return respond(trouble(503, "still-fetching", f"{target.subject} is being fetched; ask again"))
                except Busy:
                    return respond(trouble(503, "busy", "too much is being fetched; ask again"))
            noted.known = known
            if known.content is None:
                return respond(problem(known, self._settings.refusal_status))
            response = await self._content(request, target, known, known.content, noted)
            if response is not None:
                return response
            flights.forget(asked, known)
        raise CacheError(str(target.subject), "the file is gone as soon as it is admitted", hint="see who removes it")

    async def _content(
        self, request: web.BaseRequest, target: Target, known: Known, content: Content, noted: _Noted
    ) -> web.StreamResponse | None:
        """Answer with a verified file or what lies beside it; None where the file is gone."""
        if target.part is Part.SIGNATURE:
            if content.signature is None:
                return respond(text(404, "Not Found", f"{known.name} is verified without a signature"))
            return _respond(request, beside(known, content.signature), noted)
        if isinstance(target.part, Algorithm) and (digest := content.digest(target.part)):
            return _respond(request, beside(known, digest.encode()), noted)
        if content.made is not None:
            chosen = _chosen(request, known, content)
            body = content.made[chosen.start : chosen.start + chosen.count]
            return _respond(request, Answer(chosen.status, chosen.phrase, body, chosen.headers), noted)
        return await self._file(request, target, known, content, noted)

    async def _file(
        self, request: web.BaseRequest, target: Target, known: Known, content: Content, noted: _Noted
    ) -> web.StreamResponse | None:
        opened = await self._opened(Asked(target.repository, target.subject), known, content)
        if opened is None:
            return None
        if isinstance(target.part, Algorithm):
            digest = await hash_and_close(opened, target.part)
            return _respond(request, beside(known, digest.encode()), noted) if digest else None
        try:
            chosen = _chosen(request, known, content)
            noted.size = chosen.count if request.method == "GET" else 0
            return await send(request, opened, content.sha256, chosen)
        finally:
            opened.close()

    async def _opened(self, asked: Asked, known: Known, content: Content) -> Opened | None:
        """Open the file: hashed in a thread, unless it bears the stamp that it was found to bear before."""
        flights = self._live()
        stamp = flights.stamp(asked, known)
        opened = open_stamped(content.file, stamp) if stamp else None
        if opened is None:
            hashing = asyncio.ensure_future(asyncio.to_thread(open_verified, content.file, content.sha256))
            try:
                opened = await asyncio.shield(hashing)
            except asyncio.CancelledError:
                hashing.add_done_callback(_close_unused)
                raise
        if opened is not None:
            flights.note_stamp(asked, known, opened.stamp)
        return opened

    def _crowded(self) -> Answer | None:
        crowded = self._listening().crowded
        return trouble(503, "busy", "too many requests at once; ask again") if crowded else None

    # Its own pages

    async def _own(self, raw: str) -> Answer:
        """Answer for the proxy's own paths."""
        parts = urlsplit(raw)
        fixed = self._fixed().get(parts.path)
        if fixed is not None:
            return fixed
        if parts.path == "/-/":
            return await self._overview(_query(parts.query))
        if parts.path == "/-/metrics":
            figures = await asyncio.to_thread(self._journal.figures)
            return Answer(200, "OK", figures, {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
        match = _RECORD.match(parts.path)
        return await self._record(match[1]) if match else page.message_page(404, "Not Found", "There is no such page.")

    def _fixed(self) -> dict[str, Answer]:
        ready = text(503, "Service Unavailable", "stopping") if self._stopping else text(200, "OK", "ready")
        return {
            "/": text(302, "Found", "see /-/", Location="/-/"),
            "/-/health": text(200, "OK", "alive"),
            "/-/ready": ready,
            "/-/style.css": Answer(200, "OK", page.STYLE.encode(), page.HEADERS | {"Content-Type": "text/css"}),
        }

    async def _overview(self, query: str) -> Answer:
        flights = self._live()
        record, rules, journal = flights.verifier.record, flights.verifier.rules, self._journal
        find = partial(record.find_judgements, query) if query else record.latest_refusals
        judgements = await asyncio.to_thread(find, page.MAX_ROWS)
        overview = page.Overview(
            requests=journal.requests,
            judged=journal.judged,
            hits=journal.hits,
            flying=flights.flying,
            policy=rules.policy.file or "built in",
            digest=rules.digest,
        )
        return page.overview_page(overview, query, reversed(journal.latest), judgements)

    async def _record(self, number: str) -> Answer:
        found = await asyncio.to_thread(self._live().verifier.record.find_judgements, number, page.MAX_ROWS)
        for judgement in found:
            if str(judgement.id) == number:
                story = await asyncio.to_thread(explain_plainly, judgement)
                return page.record_page(judgement, story, reversed(self._journal.latest))
        return page.message_page(404, "Not Found", f"There is no record {number}.")


def _close_unused(hashing: asyncio.Future[Opened | None]) -> None:
    """Close what was opened for a client that had hung up by then."""
    if not hashing.cancelled() and hashing.exception() is None and (opened := hashing.result()) is not None:
        opened.close()


def _logger(journal: Journal) -> logging.Logger:
    """Make a logger that tells the journal in one line what the server meets: its own would write tracebacks.

    Malformed requests come here, and errors of this program, which clients see as a bare 500.
    """

    class Line(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            about = "" if error is None else f": {type(error).__name__}: {error}"
            journal.say(f"{record.getMessage()}{about}")

    logger = logging.Logger("proxy", logging.WARNING)  # noqa: LOG001  (one that is looked up by name is shared state)
    logger.addHandler(Line())
    return logger


def _query(text: str) -> str:
    """Read what the page is asked to search for; a query of another form is none."""
    try:
        asked = parse_qs(text, max_num_fields=8, errors="replace").get("q", [""])[0]
    except ValueError:
        return ""
    return asked.strip()[: page.MAX_QUERY_CHARACTERS]


def _wrong(request: web.BaseRequest) -> Answer | None:
    """Say what is wrong with a request before its path is read."""
    if request.method not in {"GET", "HEAD"}:
        return text(405, "Method Not Allowed", "only GET and HEAD are answered", Allow="GET, HEAD")
    if request.body_exists or "Transfer-Encoding" in request.headers:
        return text(400, "Bad Request", "a request for a file has no body")
    if request.version >= HttpVersion11 and len(request.headers.getall("Host", [])) != 1:
        return text(400, "Bad Request", "a request names one host")
    return None


def _chosen(request: web.BaseRequest, known: Known, content: Content) -> Span:
    headers = file_headers(known, content)
    if request.method == "HEAD":
        return span(content, headers, "", "")
    return span(content, headers, request.headers.get("Range", ""), request.headers.get("If-Range", ""))


def _respond(request: web.BaseRequest, answer: Answer, noted: _Noted) -> web.Response:
    noted.size = len(answer.body) if request.method == "GET" else 0
    return respond(answer)
