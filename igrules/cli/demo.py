"""``igrules demo``: server, worker and a local Instagram in one process, over real HTTP.

The product takes part in it as in production: it knows the local Instagram by its base URL only.
"""

from __future__ import annotations

import dataclasses
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from igrules.errors import UsageError
from igrules.model import NOT_FOR_RULES

if TYPE_CHECKING:
    from igrules.cli.checking import Checked
    from igrules.kinds import Registry
    from igrules.language.ruleset import Ruleset
    from igrules.ledger import Ledger
    from igrules.sandbox.server import Sandbox


def run(*, port: int | None, only: Sequence[str], rulesets: Path | None, keep: Path | None) -> None:
    """Run the demo until it is interrupted.

    Raises `UsageError` when the rulesets cannot be used, ``keep`` is not a demo's directory, or the
    port is taken.
    """
    from igrules.work.logs import log_to_stderr
    from igrules.work.signals import Signals

    log_to_stderr(level=30)
    with Signals() as signals, _directory(keep) as work:
        checked = _tenants(rulesets, only)
        demo = Demo(work, checked, _free_port(port))
        demo.start()
        try:
            names = ", ".join(one.tenant.slug for one in checked)
            where = f"database in {work}" if keep else "temporary database"
            typer.echo(f"igrules {_version()} · {where} · tenants {names}")
            typer.echo(f"open  {demo.url}   and write a message or a comment; Ctrl-C ends")
            sys.stdout.flush()
            while not signals.wait(60):
                pass
        finally:
            demo.stop()


class Demo:
    """The three parts of a demo and what connects them."""

    def __init__(self, work: Path, checked: Sequence[Checked], port: int) -> None:
        """Make the parts in ``work``; the phone will be on ``port`` (0: a free one)."""
        from igrules.cli.store import working_registry
        from igrules.ledger import Ledger
        from igrules.sandbox.server import Sandbox
        from igrules.web.serving import Server
        from igrules.work.configuration import Configuration

        self._secret = secrets.token_hex(16)
        server_port = _unused_port()
        self._sandbox: Sandbox = Sandbox(
            work / "journal.jsonl",
            webhook_url=f"http://127.0.0.1:{server_port}/webhook",
            app_secret=self._secret.encode(),
            port=port,
            token=secrets.token_urlsafe(24),
        )
        self._sandbox.start()
        self._settings = Configuration(
            database_url=str(work / "igrules.db"),
            state_dir=str(work / "state"),
            port=server_port,
            igl_url=self._sandbox.url,
            fbl_url=self._sandbox.url,
            rate_scale=1_000,
        )
        settings = self._settings
        registry = _telling(working_registry(settings), self._print)
        self._ledger: Ledger = Ledger.open(settings.database_url, settings.state_dir)
        _publish(self._ledger, self._sandbox, registry, checked, self._secret)
        self._slugs = {tenant.id: tenant.slug for tenant in self._ledger.tenants.list()}
        self._server = Server(settings, registry, self._ledger)

    @property
    def url(self) -> str:
        """The address of the phone, with the token that opens it once."""
        return self._sandbox.phone_url

    def start(self) -> None:
        """Begin to take webhooks and to answer."""
        self._server.start()

    def stop(self) -> None:
        """End everything, in the order in which nothing is lost."""
        self._sandbox.stop()
        self._server.stop()
        self._ledger.close()

    def _print(self, record: Mapping[str, Any]) -> None:
        """Write one line for what was decided about something a person did, and for what then did
        not go out."""
        kind, what = str(record.get("kind", "")), record["what"]
        if what == "decision" and kind not in NOT_FOR_RULES:
            because = ", ".join(record.get("rules", ())) or record.get("reason", "")
            self._line(record, "dm" if kind == "message" else kind, record["outcome"], because)
        elif what == "send" and record["state"] not in ("sent", "pending"):
            reason = record.get("reason", "")
            self._line(record, kind, record["state"], _UNSENT.get(reason, reason))

    def _line(self, record: Mapping[str, Any], what: str, became: str, because: str) -> None:
        tenant = self._slugs.get(record.get("tenant_id", 0), "")
        line = f"{time.strftime('%H:%M:%S')}  {tenant:10} {what:12} {became:9} {because}"
        typer.echo(line.rstrip())


_UNSENT = {"repeated": "repeated: the same text went out less than a minute ago"}


def _telling(registry: Registry, observe: Any) -> Registry:
    def told(record: Mapping[str, Any]) -> None:
        observe(record)

    return dataclasses.replace(registry, observers=(*registry.observers, ("demo", told)))


def _publish(
    ledger: Ledger, sandbox: Sandbox, registry: Registry, checked: Sequence[Checked], secret: str
) -> None:
    """Connect every tenant to an account of the local Instagram and publish its rules."""
    from igrules.cli.store import now
    from igrules.language.compiler import compile_tenant

    apps = {
        str(one.compiled.ruleset.settings.instagram.get("app", "default")) or "default"
        for one in checked
        if one.compiled.ruleset
    }
    for name in sorted(apps):
        ledger.apps.add(name, "instagram_login", [secret], secrets.token_urlsafe(24), now())
    for one in checked:
        slug, files = one.tenant.slug, one.tenant.for_ledger()
        ruleset = compile_tenant(files, registry, slug=slug, shared=one.tenant.shared).ruleset
        assert ruleset is not None  # `_tenants` refused everything that does not compile
        settings = ruleset.settings
        tenant = ledger.tenants.add(slug, settings.name or slug, now())
        scope = ledger.for_tenant(tenant.id)
        scope.publish(ruleset.files, ruleset.digest, settings, "demo", "demo", now())
        account = settings.instagram
        if not account:
            continue
        token = "IGAA" + secrets.token_hex(16)
        if account.get("token") is not None:
            scope.secrets.set(account["token"].name, token, now())
        sandbox.add_account(
            ig_id=account["account_id"],
            username=account.get("username") or slug,
            api=account["api"],
            page_id=account.get("page_id", ""),
            token=token,
            title=settings.name or slug,
            hints=_hints(ruleset, "dm"),
            comment_hints=_hints(ruleset, "comment"),
            posts=[{"id": f"1795000000000000{tenant.id}", "caption": _CAPTIONS.get(slug, slug)}],
        )


_ORDER = {"luz": 0, "criadora": 1, "clinica": 2}
_CAPTIONS = {
    "luz": "A coleção nova chegou ✨ Comenta PREÇO que eu te mando a tabela.",
    "criadora": "Escrevi um guia para quem está começando. Comenta GUIA que eu te mando 💌",
    "clinica": "Check-up em dia é cuidado. Dúvidas sobre a consulta? Comenta aqui.",
}


def _hints(ruleset: Ruleset, trigger: str) -> list[str]:
    """Messages or comments worth trying: what the examples say the rules take, else their words."""
    hints = []
    for rule in ruleset.rules:
        if rule.answers and any(hears.trigger.name == trigger for hears in rule.hears):
            matches = [text for kind, text, _ in rule.examples if kind == "match"]
            hints += matches[:1] or [phrase.upper() for phrase in rule.phrases[:1]]
    return hints[:5]


def _tenants(rulesets: Path | None, only: Sequence[str]) -> list[Checked]:
    from igrules.cli.checking import check, has_errors
    from igrules.errors import RulesetError
    from igrules.plugins import build_registry

    checked = check([str(rulesets or _examples())], build_registry())
    known = [one.tenant.slug for one in checked]
    unknown = [slug for slug in only if slug not in known]
    if unknown:
        raise UsageError(f"there is no tenant '{unknown[0]}'", f"there are {', '.join(known)}")
    checked.sort(key=lambda one: _ORDER.get(one.tenant.slug, len(_ORDER)))
    chosen = [one for one in checked if not only or one.tenant.slug in only]
    problems = [problem for one in chosen for problem in one.problems]
    if has_errors(problems):
        raise RulesetError(problems)
    return chosen


def _examples() -> Path:
    """The example tenants: of the installed package, else of the checkout."""
    package = Path(__file__).parent.parent
    for place in (package / "rulesets", package.parent / "rulesets"):
        if place.is_dir():
            return place
    raise UsageError("the example tenants are missing", "name your own with  --rulesets DIR")


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    """A directory for the demo: a temporary one, or ``keep`` when it is empty or a demo's own."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="igrules-demo-") as name:
            yield Path(name)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise UsageError(
            f"'{keep}' is not empty, and a demo never runs on data that is not its own",
            "name a new directory",
        )
    yield keep


def _free_port(wanted: int | None) -> int:
    """The port for the phone: the one asked for, else 8080, else (0) a free one."""
    if wanted is not None:
        if wanted and not _is_free(wanted):
            raise UsageError(f"port {wanted} is in use", "name another one with  --port")
        return wanted
    return 8080 if _is_free(8080) else 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _version() -> str:
    from igrules import __version__

    return __version__
