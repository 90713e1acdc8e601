"""Comments of the Graph API: answer, write, list, hide, delete, switch on and off."""

from __future__ import annotations

from typing import Any

from igrules.sandbox.calls import MAX_COMMENT, Asked, Done, Plan, act_of, not_there
from igrules.sandbox.people import comment_element
from igrules.sandbox.refusals import Refusal
from igrules.sandbox.things import ACCOUNT, Comment, Post
from igrules.sandbox.times import graph_time
from igrules.sandbox.world import World

_PAGE = 50


def plan_reply(asked: Asked) -> Plan:
    """``POST /{comment-id}/replies``: answer a comment in public."""
    text = asked.text_of("message")
    return Plan("reply", lambda world: _reply(world, asked, text), asked.node, text)


def plan_comment(asked: Asked) -> Plan:
    """``POST /{media-id}/comments``: comment on an own post."""
    text = asked.text_of("message")
    return Plan("comment", lambda world: _comment(world, asked, text), asked.node, text)


def plan_change(asked: Asked) -> Plan:
    """``POST /{comment-id}?hide=`` and ``POST /{media-id}?comment_enabled=``."""
    if "hide" in asked.params:
        hide = _bool(asked.params["hide"])
        kind = "hide" if hide else "unhide"
        return Plan(kind, lambda world: _hide(world, asked, kind), asked.node)
    if "comment_enabled" in asked.params:
        kind = "comments_on" if _bool(asked.params["comment_enabled"]) else "comments_off"
        return Plan(kind, lambda world: _switch(world, asked, kind), asked.node)
    raise Refusal(100, 0, "(#100) Nothing to update")


def plan_delete(asked: Asked) -> Plan:
    """``DELETE /{comment-id}``."""
    return Plan("delete", lambda world: _delete(world, asked), asked.node)


def read_comment(world: World, asked: Asked) -> Done:
    """``GET /{comment-id}``."""
    return Done(_shown(world, own_comment(world, asked)))


def list_replies(world: World, asked: Asked) -> Done:
    """``GET /{comment-id}/replies``, oldest first."""
    comment = own_comment(world, asked)
    replies = [
        one for one in world.comments_of(comment.post, comment.id) if world.is_listed(one.at)
    ]
    return Done(page([_shown(world, reply) for reply in replies], asked))


def list_comments(world: World, asked: Asked) -> Done:
    """``GET /{media-id}/comments``, newest first, top level only."""
    post = own_post(world, asked)
    newest_first = reversed(world.comments_of(post.id))
    return Done(page([_shown(world, comment) for comment in newest_first], asked))


def read_post(world: World, asked: Asked) -> Done:
    """``GET /{media-id}``."""
    post = own_post(world, asked)
    return Done(
        {
            "id": post.id,
            "caption": post.caption,
            "media_type": "IMAGE",
            "media_product_type": post.kind,
            "permalink": post.permalink,
            "timestamp": graph_time(post.at),
            "username": asked.account.username,
            "comments_count": len(world.comments_of(post.id)),
            "like_count": 0,
        }
    )


def own_comment(world: World, asked: Asked) -> Comment:
    """The comment a call names, if it is there and below a post of the account."""
    comment = world.comments.get(asked.node)
    if comment is None or comment.deleted or comment.account != asked.account.ig_id:
        raise not_there()
    return comment


def own_post(world: World, asked: Asked) -> Post:
    """The post a call names, if it belongs to the account."""
    post = world.posts.get(asked.node)
    if post is None or post.account != asked.account.ig_id:
        raise not_there()
    return post


def _reply(world: World, asked: Asked, text: str) -> Done:
    comment = own_comment(world, asked)
    post = world.posts[comment.post]
    if comment.hidden or post.kind == "LIVE":
        raise Refusal(100, 0, "(#100) This comment cannot be replied to")
    top = comment.parent or comment.id
    return _write(world, asked, post, ("reply", comment.id, text), top)


def _comment(world: World, asked: Asked, text: str) -> Done:
    post = own_post(world, asked)
    if post.kind == "LIVE":
        raise Refusal(100, 0, "(#100) Live media cannot be commented on")
    return _write(world, asked, post, ("comment", post.id, text), "")


def _write(world: World, asked: Asked, post: Post, plan: tuple[str, str, str], parent: str) -> Done:
    text = plan[2]
    if not text.strip():
        raise Refusal(100, 0, "(#100) The parameter message is required.")
    if len(text) > MAX_COMMENT:
        raise Refusal(100, 0, "(#100) The comment is too long")
    if not post.open:
        raise Refusal(10, 0, "(#10) Comments are disabled for this media")
    account = asked.account
    number, now = world.new_number(), world.now()
    written = Comment(number, account.ig_id, post.id, ACCOUNT, account.username, text, now, parent)
    world.add_comment(written)
    author = {"id": account.ig_id, "self_ig_scoped_id": account.own_igsid}
    act = act_of(world, asked, plan, id=number)
    return Done({"id": number}, act, (comment_element(post, written, author),))


def _hide(world: World, asked: Asked, kind: str) -> Done:
    comment = own_comment(world, asked)
    if world.posts[comment.post].kind == "LIVE":
        raise Refusal(100, 0, "(#100) Live comments cannot be hidden")
    if comment.author != ACCOUNT:
        world.change_comment(comment, hidden=kind == "hide")
    return Done({"success": True}, act_of(world, asked, (kind, comment.id, "")))


def _delete(world: World, asked: Asked) -> Done:
    comment = own_comment(world, asked)
    if world.posts[comment.post].kind == "LIVE":
        raise Refusal(100, 0, "(#100) Live comments cannot be deleted")
    world.change_comment(comment, deleted=True)
    return Done({"success": True}, act_of(world, asked, ("delete", comment.id, "")))


def _switch(world: World, asked: Asked, kind: str) -> Done:
    post = own_post(world, asked)
    world.change_post(post, open=kind == "comments_on")
    return Done({"success": True}, act_of(world, asked, (kind, post.id, "")))


def _shown(world: World, comment: Comment) -> dict[str, Any]:
    author = comment.account if comment.author == ACCOUNT else comment.author
    shown: dict[str, Any] = {
        "id": comment.id,
        "text": comment.text,
        "timestamp": graph_time(comment.at),
        "username": comment.username,
        "from": {"id": author, "username": comment.username},
        "media": {"id": comment.post, "media_product_type": world.posts[comment.post].kind},
        "hidden": comment.hidden,
        "like_count": 0,
    }
    if comment.parent:
        shown["parent_id"] = comment.parent
    replies = world.comments_of(comment.post, comment.id)
    if replies:
        listed = [
            {"id": one.id, "text": one.text, "timestamp": graph_time(one.at)} for one in replies
        ]
        shown["replies"] = {"data": listed}
    return shown


def page(items: list[dict[str, Any]], asked: Asked) -> dict[str, Any]:
    """A page of a list; its cursor is the number of items before it."""
    start, size = _number(asked, "after", 0), min(_number(asked, "limit", _PAGE), _PAGE)
    shown: dict[str, Any] = {"data": items[start : start + size]}
    if start + size < len(items):
        cursors = {"before": str(start), "after": str(start + size)}
        following = f"https://graph.example.test/?after={start + size}"
        shown["paging"] = {"cursors": cursors, "next": following}
    return shown


def _number(asked: Asked, name: str, default: int) -> int:
    text = str(asked.params.get(name, ""))
    return int(text) if text.isdecimal() else default


def _bool(value: Any) -> bool:
    return str(value).lower() in ("true", "1")
