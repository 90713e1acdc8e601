"""Words by which a person stops all automation, and starts it again.

Why here and not in rules: nobody who runs an account may forget them or switch them off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType

from igrules.engine.scene import Scene
from igrules.kinds import Word
from igrules.language.phrases import Phrase, is_whole, read_phrase, without_outer_emoji
from igrules.model import Change, Effect

_HEARD = frozenset({"text", "attachment", "reply", "story_reply"})
_STOP = (
    "parar", "pare", "sair", "descadastrar", "parar mensagens", "baja", "basta", "darme de baja",
    "stop", "unsubscribe",
)  # fmt: skip
_START = ("voltar", "iniciar", "ativar", "volver", "activar", "start", "resume")
_LONGEST = 8
"""Words; a longer message is never one of the phrases."""
_CONFIRMATIONS = {
    "pt": "Pronto, você não recebe mais mensagens automáticas. Para voltar, escreva VOLTAR.",
    "es": "Listo, ya no recibes mensajes automáticos. Para volver, escribe VOLVER.",
    "en": "Done, you get no more automatic messages. To start again, write START.",
}
STEP = "consent"
"""The step of the confirmation, the one message a contact still gets after opting out."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What a consent word does."""

    change: Change
    effects: tuple[Effect, ...] = ()


def read_consent(scene: Scene) -> Consent | None:
    """What the message says about consent as a whole; ``None`` when it says something else."""
    event, contact = scene.event, scene.facts.contact
    if event.kind != "message" or event.sub not in _HEARD or not event.text:
        return None
    words = scene.read(False, False).words
    if not words or len(words) > _LONGEST:
        return None
    own = scene.ruleset.settings.consent
    if _is_one_of(words, _STOP_WORDS, own.get("stop", ())):
        effects = () if contact.opted_out else _confirmation(scene)
        return Consent(Change("opt_out"), effects)
    if contact.opted_out and _is_one_of(words, _START_WORDS, own.get("start", ())):
        return Consent(Change("opt_in"))
    return None


def _by_first_word(texts: Iterable[str]) -> Mapping[str, tuple[Phrase, ...]]:
    phrases: dict[str, tuple[Phrase, ...]] = {}
    for phrase in map(read_phrase, texts):
        for form in phrase.parts[0].forms:
            phrases[form] = (*phrases.get(form, ()), phrase)
    return MappingProxyType(phrases)


_STOP_WORDS, _START_WORDS = _by_first_word(_STOP), _by_first_word(_START)


def _is_one_of(
    words: Sequence[Word], built_in: Mapping[str, tuple[Phrase, ...]], own: Iterable[str]
) -> bool:
    """Whether the message is, as a whole, a phrase of igrules or of the tenant."""
    first = next(iter(without_outer_emoji(words)), words[0])
    ours = (phrase for form in first.forms for phrase in built_in.get(form, ()))
    return any(is_whole(phrase, words) for phrase in chain(ours, map(read_phrase, own)))


def _confirmation(scene: Scene) -> tuple[Effect, ...]:
    settings = scene.ruleset.settings
    if settings.consent.get("confirm") is False:
        return ()
    language = scene.facts.contact.language
    if language not in settings.languages:
        language = settings.languages[0]
    built_in = _CONFIRMATIONS.get(language, _CONFIRMATIONS["en"])
    text = scene.render(settings.consent.get("reply") or built_in)
    return (Effect("text", scene.event.person, {"text": text}, step=STEP),)
