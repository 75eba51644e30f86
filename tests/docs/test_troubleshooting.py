"""Every message of an error that a user can meet has an entry in docs/troubleshooting.md, word for word.

A message is known by its fixed words: what is filled in is … there. Entries that the code does not say any more are
found too.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from flows.cli import main
from tests.docs.blocks import CHECKOUT, PACKAGES

PAGE = CHECKOUT / "docs" / "troubleshooting.md"
ROOTS = {"BadInput", "StoreError", "ServerError", "PortTaken", "CannotServe", "AlreadyUp", "OutOfTime"}
ROOTS |= {"AccessError", "NoPassword", "NotSent"}
"""Errors whose message is shown by itself; their subclasses are found."""
BESIDES = {"ArithmeticError", "FloatingPointError", "HTTPException"}
"""Python's and Starlette's own, which fail one map, end a training, or are shown by a browser."""
WANTED = {"say_limits", "_wanted"}
"""Functions that return the second half of the message of a BadValue."""
OF_THE_COMMAND_LINE = {
    "No such option: …": ["sweep", "--nonsense"],
    "No such command …": ["nonsense"],
    "Missing argument …": ["show"],
    "Option … requires an argument.": ["sweep", "--steps"],
}
"""Messages of the library that reads the command line, each with words that it refuses so."""
_TERM = re.compile(r"^(`+) ?(.+?) ?\1$", re.M)


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the code, by its path."""
    files = (path for package in PACKAGES for path in sorted((CHECKOUT / package).rglob("*.py")))
    return {path.relative_to(CHECKOUT).as_posix(): ast.parse(path.read_text()) for path in files}


def errors() -> set[str]:
    """The names of the classes whose messages users meet."""
    found = ROOTS | BESIDES
    classes = [node for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while more := {one.name for one in classes if {name(base) for base in one.bases} & found} - found:
        found = found | more
    return found


def name(node: ast.expr) -> str:
    """The last name of what is called or inherited."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def words(node: ast.expr) -> str:
    """A text, with … for what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(map(words, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return words(left) + words(right)
    return "…"


def fixed(text: str) -> str:
    """A message as the page writes it: what is filled in is one …, as a size is (… for …x…)."""
    text = re.sub(r"…(?:[.x]?…)+", "…", " ".join(text.split()))
    return text


def messages() -> Iterator[tuple[str, str]]:
    """Where an error is made that users meet, and its message; without those that have no words of their own."""
    known = errors()
    for path, tree in trees().items():
        for call in ast.walk(tree):
            if isinstance(call, ast.FunctionDef) and call.name in WANTED:
                yield from (
                    (f"{path}:{node.lineno}", fixed(f"… is …; {words(node.value)}"))
                    for node in ast.walk(call)
                    if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant | ast.JoinedStr)
                )
            if not isinstance(call, ast.Call) or not call.args:
                continue
            called, message = name(call.func), fixed(words(call.args[-1]))
            if called == "BadValue":
                message = fixed(f"… is …; {message}")
            elif called not in known and not (called == "ValueError" and path.startswith("flows/forms/")):
                continue
            if re.search(r"\w{2}", message.replace("… is …", "")):
                yield f"{path}:{call.lineno}", message


def entries() -> list[str]:
    """The messages that the page has entries for."""
    return [term for _, term in _TERM.findall(PAGE.read_text())]


def test_each_message_that_a_user_can_meet_has_an_entry() -> None:
    found = list(messages())
    assert len(found) > 200
    there = set(entries())
    assert [f"{place}: {message}" for place, message in found if message not in there] == []


def test_each_entry_is_still_what_the_code_says() -> None:
    texts = {
        fixed(words(node))
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr | ast.Constant)
    }
    said = texts | {message for _, message in messages()} | set(OF_THE_COMMAND_LINE)
    assert [entry for entry in entries() if entry not in said] == []


def test_no_message_has_two_entries() -> None:
    assert len(entries()) == len(set(entries()))


@pytest.mark.parametrize("message", OF_THE_COMMAND_LINE)
def test_what_the_command_line_cannot_read_is_refused_in_the_words_of_its_entry(
    message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(OF_THE_COMMAND_LINE[message]) == 2
    assert re.search(".+".join(map(re.escape, message.split("…"))), capsys.readouterr().err)
    assert message in entries()
