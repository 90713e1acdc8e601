"""What several triggers and conditions read from their parameters in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from igrules import Attachment, Complaint

ATTACHMENTS = (
    "image", "video", "audio", "file", "post", "reel", "story", "sticker", "other", "unsupported",
    "any", "none",
)  # fmt: skip
"""The words for what a message carries."""

# Presentation and skin tone: people write the same emoji with and without them.
_IGNORED = dict.fromkeys([0xFE0E, 0xFE0F, *range(0x1F3FB, 0x1F400)])


def matches_text(written: str, wanted: Sequence[str]) -> bool:
    """Whether one of the exact texts is ``written``; a trailing ``*`` means "begins with"."""
    return any(
        written.startswith(text[:-1]) if text.endswith("*") else written == text for text in wanted
    )


def plain_emoji(emoji: str) -> str:
    """The emoji without skin tone and variation selectors."""
    return emoji.translate(_IGNORED)


def carries(sub: str, attachments: Sequence[Attachment], wanted: Iterable[str]) -> bool:
    """Whether a message carries one of the wanted kinds; ``sub`` is the kind of the message."""
    unsupported = sub == "unsupported"
    kinds = {attachment.kind for attachment in attachments}
    for word in wanted:
        if word == "unsupported":
            found = unsupported
        elif word == "any":
            found = bool(kinds)
        elif word == "none":
            found = not kinds and not unsupported
        else:
            found = word in kinds
        if found:
            return True
    return False


def check_ids(key: str, ids: Iterable[str]) -> Iterable[Complaint]:
    """Complain about posts and stories that are not named by their ids."""
    for place, written in enumerate(ids):
        if written == "next":
            yield Complaint(
                (key, place),
                "IGR110",
                "this igrules has no 'next' yet",
                "write the id of the post once it is published",
            )
        elif written.startswith(("http:", "https:")):
            yield Complaint(
                (key, place),
                "IGR110",
                "this igrules does not look up permalinks yet",
                "write the id; the trace of any event on it shows the id",
            )
