"""Words of many scripts, and texts as people type them, for tests that agree with plain code."""

from __future__ import annotations

from hypothesis import strategies as st

SCRIPTS = (
    ("preço", "orçamento", "troca", "ação", "sim", "Ana", "straße", "10"),
    ("цена", "сколько", "йод", "доставка"),
    ("τιμή", "πόσο", "παραγγελία"),
    ("سعر", "كم", "توصيل"),
    ("מחיר", "כמה", "משלוח"),
    ("दाम", "कितना", "ऑर्डर"),
    ("価格", "商品", "送料"),
    ("すごーい", "ガイド", "いくら"),
    ("ราคา", "เท่าไหร่"),
    ("가격", "배송비"),
    ("🔥", "❤️", "👍🏽", "👩‍👩‍👧", "🇧🇷"),
)
WORDS = [word for script in SCRIPTS for word in script]
BETWEEN = st.sampled_from([" ", " ", " ", "", "-", "! ", " #", " @", "\u200b", "\u0301 ", "123 "])
Words = st.SearchStrategy[str]


@st.composite
def typed(draw: st.DrawFn, words: Words) -> str:
    """A word as somebody types it: stretched, in capitals, with an ending or with a slip."""
    word = draw(words)
    how = draw(st.integers(0, 9))
    place = draw(st.integers(0, len(word) - 1))
    if how == 1:
        return word[:place] + word[place] * draw(st.integers(2, 5)) + word[place + 1 :]
    if how == 2:
        return word.upper()
    if how == 3:
        return word[:place] + word[place + 1 :]
    if how == 4:
        return word[:place] + word[place + 1 : place + 2] + word[place] + word[place + 2 :]
    if how == 5:
        return "".join(char * draw(st.integers(1, 4)) for char in word)
    if how == 6:
        return word + draw(st.sampled_from(["s", "r", "xyz", "\u0302"]))
    return word


@st.composite
def texts(draw: st.DrawFn, words: Words, most: int = 5) -> str:
    """Words with something between them."""
    written = draw(st.lists(typed(words), min_size=1, max_size=most))
    return "".join(word + draw(BETWEEN) for word in written).strip()
