"""The labels of the phone page, in English and Portuguese."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "lang": "en",
        "title": "igrules · local Instagram",
        "subtitle": "a local Instagram",
        "accounts": "Accounts",
        "you_are": "You are",
        "username": "Your user name",
        "try_dm": "Try writing",
        "try_comment": "Try commenting",
        "message": "Message…",
        "comment": "Add a comment…",
        "send": "Send",
        "post_it": "Post",
        "messages": "Messages",
        "post": "Post",
        "wire": "Wire",
        "wire_empty": "What goes over the wire appears here.",
        "webhook": "webhook",
        "graph": "Graph API",
        "empty_thread": "Write a message. It travels as a signed webhook, and the answer comes "
        "back through the Graph API.",
        "empty_comments": "No comments yet. Be the first.",
        "no_posts": "This account has no posts.",
        "seen": "Seen",
        "typing": "is typing",
        "private_reply": "Private reply to your comment",
        "private_sent": "answered in private",
        "unanswered": "Nothing was answered. The terminal says why.",
        "unanswered_comment": "No answer to this comment. The terminal says why.",
        "author": "Author",
        "live": "LIVE",
        "attach": "Send something else",
        "photo": "Photo",
        "story_reply": "Reply to a story",
        "story_mention": "Mention in your story",
        "heart": "Heart",
        "follow": "Follow",
        "following": "Following",
        "image": "Image",
        "video": "Video",
        "audio": "Audio",
        "file": "File",
        "story": "Story",
        "post_shared": "Post",
        "story_replied": "Replied to the story",
        "story_mentioned": "Mentioned the account in a story",
        "react": "React with a heart",
        "unsent": "Message unsent",
        "lost": "The local Instagram is not answering.",
        "refused": "That did not work.",
        "now": "now",
        "business": "on this machine",
        "forbidden_title": "This page needs its link",
        "forbidden": "Open the address that the terminal shows; it is made anew for each demo.",
    },
    "pt": {
        "lang": "pt-BR",
        "title": "igrules · Instagram local",
        "subtitle": "um Instagram local",
        "accounts": "Contas",
        "you_are": "Você é",
        "username": "Seu nome de usuário",
        "try_dm": "Experimente escrever",
        "try_comment": "Experimente comentar",
        "message": "Mensagem…",
        "comment": "Adicione um comentário…",
        "send": "Enviar",
        "post_it": "Publicar",
        "messages": "Mensagens",
        "post": "Post",
        "wire": "Bastidores",
        "wire_empty": "O que passa pela rede aparece aqui.",
        "webhook": "webhook",
        "graph": "Graph API",
        "empty_thread": "Escreva uma mensagem. Ela viaja como um webhook assinado, e a resposta "
        "volta pela Graph API.",
        "empty_comments": "Nenhum comentário ainda. Seja a primeira pessoa.",
        "no_posts": "Esta conta não tem posts.",
        "seen": "Visto",
        "typing": "está digitando",
        "private_reply": "Resposta privada ao seu comentário",
        "private_sent": "respondido em privado",
        "unanswered": "Nada foi respondido. O terminal diz por quê.",
        "unanswered_comment": "Sem resposta a este comentário. O terminal diz por quê.",
        "author": "Autor",
        "live": "AO VIVO",
        "attach": "Enviar outra coisa",
        "photo": "Foto",
        "story_reply": "Responder a um story",
        "story_mention": "Mencionar no seu story",
        "heart": "Coração",
        "follow": "Seguir",
        "following": "Seguindo",
        "image": "Imagem",
        "video": "Vídeo",
        "audio": "Áudio",
        "file": "Arquivo",
        "story": "Story",
        "post_shared": "Post",
        "story_replied": "Respondeu ao story",
        "story_mentioned": "Mencionou a conta em um story",
        "react": "Reagir com um coração",
        "unsent": "Mensagem cancelada",
        "lost": "O Instagram local não está respondendo.",
        "refused": "Isso não funcionou.",
        "now": "agora",
        "business": "nesta máquina",
        "forbidden_title": "Esta página precisa do seu link",
        "forbidden": "Abra o endereço que o terminal mostra; ele é novo a cada demonstração.",
    },
}


def words_for(accept_language: str) -> Mapping[str, str]:
    """The labels for a browser, by its ``Accept-Language``: English unless Portuguese comes
    first."""
    wanted: list[tuple[float, str]] = []
    for place, part in enumerate(accept_language.split(",")[:20]):
        tag, _, weight = part.strip().partition(";q=")
        wanted.append((-_weight(weight) + place / 1000, tag[:2].lower()))
    known = [language for _, language in sorted(wanted) if language in WORDS]
    return WORDS[known[0] if known else "en"]


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
