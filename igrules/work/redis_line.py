"""A line over Redis: a short list that is pushed and popped.

Why a list and not a channel everybody hears: one ring wakes one worker, however many machines
there are. Nothing is kept in it: it is cut to a few rings and forgotten after a minute.
"""

from __future__ import annotations

from typing import Any

from igrules.errors import Unavailable, UsageError

_KEPT = 60
"""Seconds after which rings that nobody takes are gone."""
_ANSWER = 5.0


class RedisLine:
    """Two connections to ``url`` (``redis://``, ``rediss://`` for TLS, ``unix://``), made when they
    are needed. ``name``: the key of the list; ``most``: how many rings may wait in it."""

    each = True

    def __init__(self, url: str, name: str, most: int) -> None:
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise UsageError(
                "the bell 'redis' needs the package redis", "pip install 'igrules[redis]'"
            ) from error
        self._name = name
        self._most = most
        self._errors = (redis.RedisError, OSError)

        def client() -> Any:
            return redis.Redis.from_url(
                url, socket_connect_timeout=2, socket_timeout=_ANSWER,
                retry=Retry(NoBackoff(), 0), client_name="igrules-bell",
            )  # fmt: skip

        try:
            self._calling, self._hearing = client(), client()
            # A setting that nothing knows is met only where a connection is made.
            self._calling.connection_pool.make_connection()
        except (ValueError, TypeError) as error:
            # Neither the address nor the library's words for it, which may hold the password.
            raise UsageError(
                "redis_url cannot be read", "write redis://:password@host:6379/0, or rediss://…"
            ) from error

    def anybody(self) -> bool:
        """Cannot tell, so yes."""
        return True

    def call(self, word: str, n: int) -> None:
        """Push a word for each of ``n`` workers, as far as there is room."""
        try:
            with self._calling.pipeline(transaction=False) as steps:
                steps.lpush(self._name, *[word] * min(n, self._most))
                steps.ltrim(self._name, 0, self._most - 1)
                steps.expire(self._name, _KEPT)
                steps.execute()
        except self._errors as error:
            raise self._away(error) from error

    def listen(self) -> None:
        """Nothing to prepare: what was pushed before is heard as well."""

    def hear(self, seconds: float) -> list[str]:
        """Wait for a word, a second at least."""
        try:
            found = self._hearing.brpop([self._name], timeout=max(1, round(seconds)))
        except self._errors as error:
            raise self._away(error) from error
        if found is None:
            return []
        # The address may ask for texts.
        return [found[1] if isinstance(found[1], str) else found[1].decode(errors="replace")]

    def waiting(self) -> int:
        """How many words wait."""
        try:
            return int(self._calling.llen(self._name))
        except self._errors as error:
            raise self._away(error) from error

    def close_calling(self) -> None:
        """Give back the connection that calls."""
        self._calling.close()

    def close_hearing(self) -> None:
        """Give back the connection that hears."""
        self._hearing.close()

    def interrupt(self) -> None:
        """Nothing: `hear` ends within a second."""

    def _away(self, error: Exception) -> Unavailable:
        # Only the class: what Redis says may quote what it was asked.
        return Unavailable(
            f"the bell's connection to Redis failed ({type(error).__name__})",
            "check that it runs and that redis_url is right; nothing needs a restart",
        )
