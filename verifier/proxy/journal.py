"""Tells what the proxy does: log lines, figures, and the latest requests for the page."""

import json
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from threading import active_count
from typing import TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from verifier.outcome import Json, Status
from verifier.proxy.known import Known
from verifier.report.escape import command_free, printable

MAX_LATEST = 500
MAX_SHOWN_CHARACTERS = 300
_SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 20, 60, 300)


class LogFormat(Enum):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Served:
    """One request that was answered.

    `hit`: nothing had to be fetched.  `known` is None where it asked for nothing that is judged.
    Units: `at` is seconds since 1970, UTC.
    """

    at: float
    method: str
    path: str
    status: int
    size: int
    seconds: float
    client: str
    agent: str
    hit: bool
    known: Known | None


class Journal:
    """Writes and counts; one for a proxy, whatever policy it goes by."""

    def __init__(self, form: LogFormat, log: TextIO | None = None, *, quiet: bool = False) -> None:
        self.latest: deque[Served] = deque(maxlen=MAX_LATEST)
        self.requests = self.judged = self.hits = 0
        self._form = form
        self._log = log or sys.stderr
        self._quiet = quiet
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._count = Counter("verifier_requests", "Requests answered.", ["method", "status"], registry=registry)
        self._hit = Counter("verifier_hits", "Requests answered without fetching.", registry=registry)
        self._sent = Counter("verifier_sent_bytes", "Bytes of bodies sent.", registry=registry)
        self._answered = Histogram(
            "verifier_request_seconds", "Until an answer was complete.", buckets=_SECONDS, registry=registry
        )
        self._verdict = Counter(
            "verifier_verdicts", "Files judged; code is empty for verified.", ["status", "code"], registry=registry
        )
        self._judged = Histogram(
            "verifier_fetch_seconds",
            "Until a file was found in the cache or fetched, and judged.",
            ["source"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._upstream = Histogram(
            "verifier_upstream_seconds", "What the repository took of that.", buckets=_SECONDS, registry=registry
        )
        self._verified = Histogram(
            "verifier_judging_seconds", "What judging and admitting took of it.", buckets=_SECONDS, registry=registry
        )
        self._reloads = Counter("verifier_policy_reloads", "Policies read again.", ["result"], registry=registry)
        Gauge("verifier_threads", "Threads of the process.", registry=registry).set_function(active_count)

    def watch(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Show a figure that is read whenever the figures are asked for."""
        Gauge(name, about, registry=self._registry).set_function(value)

    def served(self, served: Served) -> None:
        """Note one request."""
        self.requests += 1
        # A client may send any word as its method: each would be a series of its own.
        method = served.method if served.method in {"GET", "HEAD"} else "other"
        self._count.labels(method, str(served.status)).inc()
        self._sent.inc(served.size)
        self._answered.observe(served.seconds)
        if served.known is not None:
            self.judged += 1
            self.latest.append(served)
            if served.hit:
                self.hits += 1
                self._hit.inc()
        if not self._quiet:
            fields: dict[str, Json] = {
                "method": served.method,
                "path": served.path,
                "status": served.status,
                "bytes": served.size,
                "seconds": round(served.seconds, 4),
                "from": "-" if served.known is None else "memory" if served.hit else "fetch",
                "client": served.client,
                "agent": served.agent,
            }
            self._write("request", fields)

    def judgement(self, known: Known, seconds: float) -> None:
        """Note one verdict."""
        self._verdict.labels(known.status.value, known.code).inc()
        self._judged.labels("cache" if known.from_cache else "upstream").observe(seconds)
        if known.upstream_seconds:
            self._upstream.observe(known.upstream_seconds)
        if known.from_cache or known.upstream_seconds:
            self._verified.observe(max(seconds - known.upstream_seconds, 0))
        if self._quiet and known.status is Status.VERIFIED:
            return
        fields: dict[str, Json] = {
            "coordinate": known.name,
            "status": known.status.value,
            "code": known.code or None,
            "record": known.record or None,
            "repository": known.repository or None,
            "from": "cache" if known.from_cache else "upstream",
            "seconds": round(seconds, 4),
        }
        self._write("verdict", fields)

    def reloaded(self, result: str) -> None:
        """Note that the policy was read again; `result` is a word."""
        self._reloads.labels(result).inc()

    def say(self, text: str) -> None:
        """Tell whoever runs the proxy something about itself."""
        self._write("proxy", {"text": text})

    def figures(self) -> bytes:
        """Give all figures in Prometheus's text format."""
        return generate_latest(self._registry)

    def _write(self, event: str, fields: dict[str, Json]) -> None:
        now = datetime.fromtimestamp(time.time(), UTC)
        moment = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z"
        if self._form is LogFormat.JSON:
            line = command_free(json.dumps({"time": moment, "event": event, **fields}, separators=(",", ":")))
        else:
            parts = (_shown(value) for value in fields.values() if value is not None)
            line = f"{moment} {event} {' '.join(parts)}"
        with suppress(OSError):  # nobody reads the log any more: that is no reason to stop serving
            self._log.write(f"{line}\n")
            self._log.flush()


def _shown(value: Json) -> str:
    text = printable(str(value))
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}..."
