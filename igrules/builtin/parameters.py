"""What several triggers and conditions read from their parameters in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from igrules import Attachment, Complaint, is_address, post_code

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


def check_ids(key: str, ids: Iterable[str], *, next: bool = False) -> Iterable[Complaint]:
    """Complain about what names no post or story. ``next``: that word may stand for one."""
    for place, written in enumerate(ids):
        if is_address(written):
            wrong = "" if post_code(written) else f"'{written}' leads to no {key} on Instagram"
            help = "copy the link in the app: Share, Copy link"
        else:
            # Ids are opaque, but no number without a digit was ever seen.
            named = (next and written == "next") or any(map(str.isdigit, written))
            wrong = "" if named and " " not in written else f"'{written}' names no {key}"
            help = f"give its id or its link{', or next for the next one' if next else ''}"
        if wrong:
            yield Complaint((key, place), "IGR108", wrong, help)
