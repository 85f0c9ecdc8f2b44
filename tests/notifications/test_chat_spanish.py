"""The chat in Spanish: whoever we know in their own language, anybody else in that of their command."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from consents.actions.stop import pause_grant
from notifications.actions.chat import COMMANDS
from notifications.tasks import deliver_due
from portal.accounts.models import User
from tools.messages import files, read

from .conftest import BALANCE, Api
from .test_chat import Chat, api, chat, chat_of, only, person, platform, world

__all__ = ["api", "chat", "chat_of", "platform", "world"]
WORDS = {word.upper(): command for command, words in COMMANDS["es"].items() for word in words}


@pytest.fixture
def ana(chat: Chat, world: Any) -> Chat:
    """Ana's chat; she has chosen Spanish."""
    User.objects.filter(pk=world.ana.person.user.pk).update(locale="es")
    return chat


def test_each_command_is_answered_in_the_persons_language(ana: Chat, api: Api, world: Any) -> None:
    assert only(ana.says("hola")).startswith("Este es un servicio automático")
    until = world.ana.grant.expires_at
    assert f"hasta el {until.day} de " in only(ana.says("HELP"))
    assert "Escriba PARAR para terminarlo" in only(ana.says("¡ayuda!"))
    assert only(ana.says("saldo")) == "Norden Bank todavía no ha enviado ningún saldo."
    api.send(data={**BALANCE, "available": {"value": "7.10", "currency": "USD"}})
    deliver_due("standard")
    ana.gets()
    assert "$7.10" in only(ana.says("Saldo"))
    pause_grant(grant_id=world.ana.grant.pk, actor=person(world.ana))
    assert "Escriba INICIAR" in only(ana.says("balance"))
    assert "puede volver a enviarle mensajes" in only(ana.says("Iniciar"))
    (stopped,) = ana.says("parar")
    assert "Ha terminado: saldos, alertas de fraude y recibos." in stopped["text"]
    assert [button["title"] for button in stopped["buttons"]] == ["Sus decisiones"]
    assert "ya no le enviaba nada" in only(ana.says("STOP"))
    assert only(ana.says("desvincular")).startswith("Desvinculado.")


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("ayuda", "Este es un servicio automático"),
        ("help", "This is an automatic service"),
        ("¿qué?", "This is an automatic service"),
        ("baja", "Norden Bank no le envía nada aquí"),
        ("stop", "Norden Bank sends you nothing here"),
    ],
)
def test_a_stranger_is_answered_in_the_language_of_their_word(
    chat_of: Callable[[str], Chat], word: str, answer: str
) -> None:
    assert only(chat_of("2999").says(word)).startswith(answer)


def test_a_word_means_one_thing_in_all_languages() -> None:
    words = [word for commands in COMMANDS.values() for several in commands.values() for word in several]
    assert len(words) == len(set(words))
    assert {frozenset(commands) for commands in COMMANDS.values()} == {frozenset(COMMANDS["en"])}


def test_words_to_write_are_named_in_the_language_of_the_sentence() -> None:
    """Who is told to write PARAR must be understood."""
    found = 0
    for path in files():
        for message in read(path):
            asked = {word for word in re.findall(r"\b[A-Z]{4,}\b", str(message.id)) if word in COMMANDS["en"]}
            named = re.findall(r"\b[A-ZÁÉÍÓÚÑ]{4,}\b", str(message.string))
            assert {WORDS[word] for word in named if word in WORDS} == asked, message.id
            found += len(asked)
    assert found > 10
