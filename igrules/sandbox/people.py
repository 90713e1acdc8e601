"""What people do on the local Instagram, each act told by a webhook."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from igrules.errors import UsageError
from igrules.sandbox.envelopes import Element
from igrules.sandbox.things import ACCOUNT, Account, Comment, Mention, Message, Person, Post, Said
from igrules.sandbox.webhooks import Postman
from igrules.sandbox.world import World


class People:
    """The acts of people. ``account`` is an IG_ID, ``username`` the name of whoever acts.

    Every act raises `UsageError` when it names something that is not there.
    """

    def __init__(self, world: World, postman: Postman) -> None:
        self._world = world
        self._postman = postman

    def write(
        self,
        account: str,
        username: str,
        text: str = "",
        *,
        attachments: Sequence[Mapping[str, Any]] = (),
        payload: str = "",
        reply_to: str = "",
        story: str = "",
        referral: Mapping[str, Any] | None = None,
    ) -> str:
        """Write a message and return its id.

        ``payload`` makes it the tap on a quick reply, ``reply_to`` the answer to a message,
        ``story`` the answer to a story; ``attachments`` are ``{type, payload}`` as the platform
        writes them."""
        body: dict[str, Any] = {"text": text} if text else {}
        if attachments:
            body["attachments"] = [dict(one) for one in attachments]
        if payload:
            body["quick_reply"] = {"payload": payload}
        if story:
            link = f"https://cdn.example.test/{story}.jpg"
            body["reply_to"] = {"story": {"id": story, "url": link}}
        elif reply_to:
            body["reply_to"] = {"mid": reply_to}
        if referral:
            body["referral"] = dict(referral)
        return self._say(self._account(account), username, body)

    def mention_in_story(self, account: str, username: str) -> str:
        """Mention the account in an own story; returns the message id."""
        link = "https://cdn.example.test/story.jpg"
        story = {"type": "story_mention", "payload": {"url": link}}
        return self.write(account, username, attachments=[story])

    def tap(self, account: str, username: str, mid: str, payload: str) -> str:
        """Tap a quick reply or button of the message ``mid``; returns the new message's id."""
        with self._world.lock:
            message = self._message(account, username, mid)
            for option in message.body.get("quick_replies", ()):
                if option.get("payload") == payload:
                    return self.write(account, username, option["title"], payload=payload)
            for button in buttons_of(message):
                if button.get("type") == "postback" and button.get("payload") == payload:
                    return self.postback(account, username, button["title"], payload)
        raise UsageError(f"message {mid} has no option '{payload}'", "name a payload it offers")

    def postback(self, account: str, username: str, title: str, payload: str) -> str:
        """Tap a button, an ice breaker or the menu; returns the message id."""
        with self._world.lock:
            owner = self._account(account)
            person = self._opens_window(self._world.person(account, username))
            mid = self._world.new_mid()
            now = self._world.now()
            body = {"text": title, "postback": payload}
            self._world.add_message(Message(mid, account, person.id, person.id, now, body))
            tapped = {"mid": mid, "title": title, "payload": payload}
            self._post_messaging(owner, person, {"postback": tapped})
            return mid

    def react(self, account: str, username: str, mid: str, emoji: str) -> None:
        """React to a message; an empty ``emoji`` takes the reaction back."""
        with self._world.lock:
            message = self._message(account, username, mid)
            owner, person = self._account(account), self._world.person(account, username)
            reactions = {**message.reactions, person.id: emoji}
            kept = {who: what for who, what in reactions.items() if what}
            self._world.change_message(message, reactions=kept)
            reaction = {"mid": mid, "action": "unreact"}
            if emoji:
                name = "love" if emoji.startswith("\u2764") else "other"
                reaction = {"mid": mid, "action": "react", "reaction": name, "emoji": emoji}
            self._post_messaging(owner, person, {"reaction": reaction})

    def follow(self, account: str, username: str, follows: bool = True) -> None:
        """Follow the account, or stop following it. No webhook tells of it."""
        with self._world.lock:
            person = self._world.person(self._account(account).ig_id, username)
            profile = {**person.profile, "is_user_follow_business": follows}
            self._world.change_person(person, profile=profile)
            self._world.touch()

    def read(self, account: str, username: str, mid: str) -> None:
        """Have seen a message."""
        with self._world.lock:
            self._world.change_message(self._message(account, username, mid), seen=True)
            person = self._world.person(account, username)
            self._post_messaging(self._account(account), person, {"read": {"mid": mid}})

    def open_link(self, account: str, username: str, ref: str) -> None:
        """Open an ``ig.me`` link in a conversation that exists already."""
        with self._world.lock:
            owner, person = self._account(account), self._world.person(account, username)
            source = f"https://ig.me/m/{owner.username}"
            referral = {"ref": ref, "source": source, "type": "OPEN_THREAD"}
            self._post_messaging(owner, person, {"referral": referral})

    def unsend(self, account: str, username: str, mid: str) -> None:
        """Take a message back."""
        with self._world.lock:
            self._world.change_message(self._message(account, username, mid), unsent=True)
            person = self._world.person(account, username)
            gone = {"message": {"mid": mid, "is_deleted": True}}
            self._post_messaging(self._account(account), person, gone)

    def edit(self, account: str, username: str, mid: str, text: str) -> None:
        """Write an own message anew."""
        with self._world.lock:
            message = self._message(account, username, mid)
            self._world.change_message(message, body={**message.body, "text": text})
            person = self._world.person(account, username)
            edited = {"message_edit": {"mid": mid, "text": text, "num_edit": "1"}}
            self._post_messaging(self._account(account), person, edited)

    def comment(
        self,
        post: str,
        username: str,
        text: str,
        *,
        parent: str = "",
        media: Mapping[str, str] | None = None,
    ) -> str:
        """Comment on a post, or answer the comment ``parent``; returns the comment's id.

        ``media`` replaces or adds keys of the webhook's ``media``, as for comments on ads.
        """
        with self._world.lock:
            found = self._world.posts.get(post)
            if found is None:
                raise UsageError(f"there is no post {post}", "add it with add_post")
            if parent and parent not in self._world.comments:
                raise UsageError(f"there is no comment {parent}", "name one that is there")
            person = self._world.person(found.account, username)
            now = self._world.now()
            comment = Comment(
                self._world.new_number(),
                found.account,
                post,
                person.id,
                username,
                text,
                now,
                parent,
            )
            self._world.add_comment(comment)
            element = comment_element(found, comment, {"id": person.id})
            if media:
                shown = {**element.value, "media": {**element.value["media"], **media}}
                element = dataclasses.replace(element, value=shown)
            self._postman.post(element)
            return comment.id

    def mention(
        self, account: str, username: str, text: str, *, media: str = "", in_comment: bool = True
    ) -> str:
        """Mention the account on somebody else's post, in a comment or in the caption; returns the
        id of the comment, or of the post."""
        with self._world.lock:
            owner = self._account(account)
            media = media or self._world.new_number("17")
            comment = self._world.new_number() if in_comment else ""
            said = Said(username, text, self._world.now())
            self._world.mentions[Mention(account, media, comment)] = said
            value = {"media_id": media}
            if comment:
                value["comment_id"] = comment
            self._postman.post(Element(owner.ig_id, value, "mentions"))
            return comment or media

    def write_as_owner(self, account: str, username: str, text: str) -> str:
        """The owner answers from the phone app: an echo with an id nobody knows."""
        with self._world.lock:
            owner, person = self._account(account), self._world.person(account, username)
            mid, now = self._world.new_mid(), self._world.now()
            self._world.add_message(Message(mid, account, person.id, ACCOUNT, now, {"text": text}))
            message = {"mid": mid, "text": text, "is_echo": True}
            self._postman.post(echo_element(owner, person.id, now, message))
            return mid

    def _say(self, owner: Account, username: str, body: Mapping[str, Any]) -> str:
        with self._world.lock:
            person = self._opens_window(self._world.person(owner.ig_id, username))
            mid, now = self._world.new_mid(), self._world.now()
            self._world.add_message(Message(mid, owner.ig_id, person.id, person.id, now, body))
            self._post_messaging(owner, person, {"message": {"mid": mid, **body}})
            return mid

    def _opens_window(self, person: Person) -> Person:
        now = self._world.now()
        return self._world.change_person(person, last_in_at=now, consented=True)

    def _post_messaging(self, owner: Account, person: Person, item: Mapping[str, Any]) -> None:
        value = {
            "sender": {"id": person.id},
            "recipient": {"id": owner.ig_id},
            "timestamp": self._world.now(),
            **item,
        }
        self._postman.post(Element(owner.ig_id, value))

    def _account(self, ig_id: str) -> Account:
        try:
            return self._world.accounts[ig_id]
        except KeyError as error:
            raise UsageError(f"there is no account {ig_id}", "add it with add_account") from error

    def _message(self, account: str, username: str, mid: str) -> Message:
        message = self._world.messages.get(mid)
        person = self._world.person(account, username)
        if message is None or (message.account, message.person) != (account, person.id):
            raise UsageError(
                f"{username} has no message {mid} with {account}", "name one of this conversation"
            )
        return message


def buttons_of(message: Message) -> list[Mapping[str, Any]]:
    """The buttons of a template, element by element; empty for other messages."""
    attachment = message.body.get("attachment") or {}
    payload = attachment.get("payload") or {} if attachment.get("type") == "template" else {}
    elements = payload.get("elements") or [payload]
    return [button for element in elements for button in element.get("buttons") or ()]


def comment_element(post: Post, comment: Comment, author: Mapping[str, str]) -> Element:
    """The webhook of a comment. ``author`` is ``from`` without the user name."""
    value: dict[str, Any] = {
        "id": comment.id,
        "from": {**author, "username": comment.username},
        "text": comment.text,
        "media": {"id": post.id, "media_product_type": post.kind},
    }
    if comment.parent:
        value["parent_id"] = comment.parent
    return Element(post.account, value, "live_comments" if post.kind == "LIVE" else "comments")


def echo_element(owner: Account, person: str, now: int, message: Mapping[str, Any]) -> Element:
    """The webhook that brings an own message back."""
    value = {
        "sender": {"id": owner.ig_id},
        "recipient": {"id": person},
        "timestamp": now,
        "message": message,
    }
    return Element(owner.ig_id, value)
