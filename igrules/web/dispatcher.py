"""The threads that answer requests, woken one by one.

Why not waitress's own: its condition takes two locks and makes a third for every request, all while
the threads that have work wait for the interpreter. A queue that is made for this needs none.
"""

from __future__ import annotations

import queue
import time
from typing import Any

from waitress.task import ThreadedTaskDispatcher


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]  # waitress has no types
    """Takes requests from a queue, each by the thread that has waited for one."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self._tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.set_thread_count(threads)

    def set_thread_count(self, count: int) -> None:
        """Start the threads that are missing."""
        with self.lock:
            for number in range(len(self.threads), count):
                self.threads.add(number)
                self.start_new_thread(self.handler_thread, number)

    def handler_thread(self, thread_no: int) -> None:
        """Answer requests until there is to be an end."""
        while (task := self._tasks.get()) is not None:
            try:
                task.service()
            except BaseException:
                self.logger.exception("a request was not answered")
        with self.lock:
            self.threads.discard(thread_no)
            self.thread_exit_cv.notify()

    def add_task(self, task: Any) -> None:
        """Let the next free thread answer."""
        self._tasks.put(task)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """End the threads, each after what it is at; give up the rest. True when all have ended."""
        left = self._taken_back() if cancel_pending else []
        with self.lock:
            for _ in self.threads:
                self._tasks.put(None)
            until = time.monotonic() + timeout
            while self.threads and time.monotonic() < until:
                self.thread_exit_cv.wait(0.1)
            ended = not self.threads
        for task in left:
            task.cancel()
        return ended

    def _taken_back(self) -> list[Any]:
        left: list[Any] = []
        while True:
            try:
                left.append(self._tasks.get_nowait())
            except queue.Empty:
                return left
