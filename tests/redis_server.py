"""A real Redis for tests, which can be killed and started again on its port."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import redis

from tests.running import ENOUGH, free_port, wait_until

PASSWORD = "a-password-of-redis"


class RedisServer:
    """A process of ``redis-server`` that keeps nothing on disk; started when it is made. With a
    ``certificate`` it speaks TLS alone."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        self._doors = ["--port", str(self.port)]
        if certificate is not None:
            self.url = f"rediss://:{PASSWORD}@127.0.0.1:{self.port}/0?ssl_ca_certs={certificate}"
            self._doors = [
                "--port", "0", "--tls-port", str(self.port), "--tls-cert-file", str(certificate),
                "--tls-key-file", str(certificate), "--tls-auth-clients", "no",
            ]  # fmt: skip
        self.client = redis.Redis.from_url(self.url)
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @staticmethod
    def is_installed() -> bool:
        """Whether this machine has one."""
        return shutil.which("redis-server") is not None

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self._process is not None:
            return
        command = ["redis-server", *self._doors, "--bind", "127.0.0.1", "--save", "",
                   "--appendonly", "no", "--requirepass", PASSWORD]  # fmt: skip
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=Path("/")
        )
        try:
            wait_until(self._answers, ENOUGH)
        except AssertionError:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once, with all it holds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.client.close()

    def flush(self) -> None:
        """Delete all it holds."""
        self.client.flushall()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False
