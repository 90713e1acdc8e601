"""Comments, mentions and reads of the local Instagram."""

from __future__ import annotations

from igrules.sandbox.server import Sandbox
from tests.sandbox.receiving import CLINIC, PAGE, POST, SHOP, Caller, Receiver, error_of


def test_a_public_reply_stands_below_the_comment_and_comes_back(
    sandbox: Sandbox, shop: Caller, receiver: Receiver
) -> None:
    comment = sandbox.people.comment(POST, "bia", "Preço?")
    status, answer = shop.post(f"{comment}/replies", message="Te chamei por direct!")
    assert sandbox.postman.wait_idle(30)

    assert (status, list(answer)) == (200, ["id"])
    (act,) = sandbox.acts()
    assert (act.kind, act.target, act.text) == ("reply", comment, "Te chamei por direct!")
    _, own = receiver.received
    (change,) = own.entries[0]["changes"]
    assert change["value"]["from"] == {
        "id": SHOP,
        "self_ig_scoped_id": sandbox.world.accounts[SHOP].own_igsid,
        "username": "luz.moda",
    }
    assert change["value"]["parent_id"] == comment


def test_replies_can_be_listed(sandbox: Sandbox, shop: Caller) -> None:
    comment = sandbox.people.comment(POST, "bia", "Preço?")
    _, reply = shop.post(f"{comment}/replies", message="59 reais")

    _, listed = shop.get(f"{comment}/replies")

    assert [(one["id"], one["text"], one["from"]["id"]) for one in listed["data"]] == [
        (reply["id"], "59 reais", SHOP)
    ]


def test_a_reply_to_a_reply_is_attached_to_the_top(sandbox: Sandbox, shop: Caller) -> None:
    comment = sandbox.people.comment(POST, "bia", "Preço?")
    answer = sandbox.people.comment(POST, "caio", "também quero", parent=comment)
    _, reply = shop.post(f"{answer}/replies", message="oi")

    assert sandbox.world.comments[reply["id"]].parent == comment


def test_comments_come_newest_first_in_pages(sandbox: Sandbox, shop: Caller) -> None:
    for number in range(5):
        sandbox.people.comment(POST, "bia", str(number))

    _, first = shop.get(f"{POST}/comments?limit=2")
    after = first["paging"]["cursors"]["after"]
    _, second = shop.get(f"{POST}/comments?limit=3&after={after}")

    assert [one["text"] for one in first["data"]] == ["4", "3"]
    assert [one["text"] for one in second["data"]] == ["2", "1", "0"]
    assert "paging" not in second


def test_hidden_deleted_foreign_and_overlong_are_refused(
    sandbox: Sandbox, shop: Caller, clinic: Caller
) -> None:
    comment = sandbox.people.comment(POST, "bia", "oi")

    assert error_of(clinic.post(f"{comment}/replies", message="oi")) == (400, 100, 33)
    assert error_of(shop.post(f"{comment}/replies", message="x" * 2201)) == (400, 100, 0)
    assert shop.post(f"{comment}?hide=true") == (200, {"success": True})
    assert error_of(shop.post(f"{comment}/replies", message="oi")) == (400, 100, 0)
    assert shop.post(f"{comment}?hide=false") == (200, {"success": True})
    assert shop.call("DELETE", comment) == (200, {"success": True})
    assert error_of(shop.post(f"{comment}/replies", message="oi")) == (400, 100, 33)
    assert [act.kind for act in sandbox.acts()] == ["hide", "unhide", "delete"]


def test_comments_can_be_switched_off(sandbox: Sandbox, shop: Caller) -> None:
    comment = sandbox.people.comment(POST, "bia", "oi")
    shop.post(f"{POST}?comment_enabled=false")

    assert error_of(shop.post(f"{comment}/replies", message="oi")) == (403, 10, 0)


def test_a_mention_is_read_and_answered_under_its_post(sandbox: Sandbox, clinic: Caller) -> None:
    comment = sandbox.people.mention(CLINIC, "bia", "adoro a @clinica", media="17900000000000009")

    _, read = clinic.get(f"{CLINIC}?fields=mentioned_comment.comment_id({comment}){{id,text}}")
    said = {"media_id": "17900000000000009", "comment_id": comment, "message": "obrigada!"}
    status, _ = clinic.post(f"{CLINIC}/mentions", **said)
    elsewhere = clinic.post(f"{CLINIC}/mentions", **said | {"media_id": "1"})

    assert read["mentioned_comment"]["text"] == "adoro a @clinica"
    assert (status, error_of(elsewhere)) == (200, (400, 100, 33))
    assert [(act.kind, act.target) for act in sandbox.acts()] == [("reply", comment)]


def test_a_mention_tells_its_author_only_when_asked(sandbox: Sandbox, clinic: Caller) -> None:
    comment = sandbox.people.mention(CLINIC, "bia", "adoro a @clinica")
    post = sandbox.people.mention(CLINIC, "bia", "com a @clinica", in_comment=False)
    of_comment = f"mentioned_comment.comment_id({comment})"
    of_media = f"mentioned_media.media_id({post})"

    _, named = clinic.get(f"{CLINIC}?fields={of_comment}{{text,username,media{{id,owner}}}}")
    _, caption = clinic.get(f"{CLINIC}?fields={of_media}{{caption,username}}")
    unknown = clinic.get(f"{CLINIC}?fields={of_comment}{{text,from}}")
    elsewhere = clinic.get(f"{CLINIC}?fields={of_media.replace(post, '1')}{{caption}}")

    assert (named["mentioned_comment"]["username"], "timestamp" in named["mentioned_comment"]) == (
        "bia",
        False,
    )
    assert caption["mentioned_media"] == {
        "id": post,
        "caption": "com a @clinica",
        "username": "bia",
    }
    assert (error_of(unknown), error_of(elsewhere)) == ((400, 100, 0), (400, 100, 33))


def test_mentions_cannot_be_read_with_instagram_login(sandbox: Sandbox, shop: Caller) -> None:
    comment = sandbox.people.mention(SHOP, "bia", "adoro a @luz.moda")

    answer = shop.get(f"{SHOP}?fields=mentioned_comment.comment_id({comment}){{text}}")

    assert error_of(answer) == (400, 100, 0)


def test_a_post_tells_its_page_and_its_time(sandbox: Sandbox, shop: Caller, clinic: Caller) -> None:
    reel = sandbox.add_post(account=SHOP, caption="Novo", kind="REELS", at=1_790_000_000_500)

    _, read = shop.get(f"{reel.id}?fields=permalink,timestamp,caption,media_product_type")

    assert read["permalink"] == f"https://www.instagram.com/reel/{reel.id}/"
    assert read["timestamp"] == "2026-09-21T14:13:20+0000"
    assert (read["caption"], read["media_product_type"]) == ("Novo", "REELS")
    assert error_of(clinic.get(reel.id)) == (400, 100, 33)


def test_me_tells_both_ids_of_an_account(shop: Caller, clinic: Caller) -> None:
    _, own = shop.get("me?fields=user_id,username")
    _, page = clinic.get("me")

    assert (own["user_id"], own["id"] == SHOP) == (SHOP, False)
    assert (page["id"], page["instagram_business_account"]["id"]) == (PAGE, CLINIC)


def test_a_conversation_shows_its_twenty_newest_messages(sandbox: Sandbox, shop: Caller) -> None:
    mids = [sandbox.people.write(SHOP, "ana", str(number)) for number in range(22)]
    ana = sandbox.world.person(SHOP, "ana").id
    _, sent = shop.text(ana, "resposta")

    _, listed = shop.get(f"me/conversations?platform=instagram&user_id={ana}")
    (conversation,) = listed["data"]
    _, read = shop.get(f"{conversation['id']}?fields=messages{{id,from,message}}")

    messages = read["messages"]["data"]
    assert [one["id"] for one in messages] == [sent["message_id"], *mids[:2:-1]]
    assert (messages[0]["from"]["id"], messages[0]["message"]) == (SHOP, "resposta")
    sandbox.world.advance(1_001)
    assert error_of(shop.get(mids[0])) == (400, 9000001, 0)


def test_a_profile_needs_the_persons_first_message(sandbox: Sandbox, shop: Caller) -> None:
    sandbox.people.comment(POST, "bia", "oi")
    bia = sandbox.world.person(SHOP, "bia").id
    before = shop.get(bia)
    sandbox.people.write(SHOP, "bia", "oi")
    sandbox.people.follow(SHOP, "bia")

    assert error_of(before) == (403, 230, 0)
    assert shop.get(f"{bia}?fields=username,is_user_follow_business") == (
        200,
        {"username": "bia", "is_user_follow_business": True, "id": bia},
    )
    assert error_of(shop.get(f"{bia}?fields=biography")) == (400, 100, 0)


def test_subscriptions_are_listed_set_and_vanish(shop: Caller) -> None:
    _, before = shop.get("me/subscribed_apps")
    shop.call("DELETE", "me/subscribed_apps")
    _, gone = shop.get("me/subscribed_apps")
    shop.post("me/subscribed_apps?subscribed_fields=messages,comments,messaging_seen")
    _, after = shop.get("me/subscribed_apps")

    assert before["data"][0]["subscribed_fields"] == ["messages", "comments"]
    assert gone == {"data": []}
    assert after["data"][0]["subscribed_fields"] == ["messages", "comments", "messaging_seen"]


def test_unknown_paths_are_named(shop: Caller) -> None:
    assert error_of(shop.get("me/elsewhere")) == (400, 2500, 0)
    assert error_of(shop.get("123456")) == (400, 100, 33)
