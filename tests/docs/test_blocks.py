"""What README and docs tell a reader to type is understood by the command line. Running it: test_commands.py."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.exceptions import TyperException
from typer.main import get_command

from flows.cli.app import application
from tests.docs.blocks import CHECKOUT, LANGUAGES, Block, blocks, pages

SHELL = [block for block in blocks() if block.language == "sh"]


def commands_in(block: Block) -> Iterator[list[str]]:
    """The words behind `dreamsweep` of each call in a block, also of one with `nohup` before it."""
    for words in block.commands:
        if "dreamsweep" in words:
            called = words[words.index("dreamsweep") + 1 :]
            yield called[: called.index("&")] if "&" in called else called


def parse(words: list[str]) -> None:
    """Let the command line read these words, and call nothing. Raises TyperException where it would refuse."""
    group: Any = get_command(application(words))
    context = group.make_context("dreamsweep", list(words))
    name, command, rest = group.resolve_command(context, list(words))
    within = command.make_context(name, rest, parent=context)
    if hasattr(command, "commands") and (words := [*within._protected_args, *within.args]):
        name, command, rest = command.resolve_command(within, words)
        command.make_context(name, rest, parent=within)


def test_every_block_says_what_it_is_in() -> None:
    assert [block.name for block in blocks() if block.language not in LANGUAGES] == []


def test_every_fence_of_the_pages_is_one_of_a_block() -> None:
    fences = sum(line.lstrip().startswith("```") for page in pages() for line in page.read_text().splitlines())
    assert fences == 2 * len(list(blocks()))


def test_every_mark_that_a_block_is_not_run_stands_before_a_block_and_says_why() -> None:
    marks = sum(page.read_text().count("<!-- not run") for page in pages())
    assert marks == sum(block.reason is not None for block in blocks())


@pytest.mark.parametrize("block", SHELL, ids=[block.name for block in SHELL])
def test_the_command_line_understands_what_a_block_calls(block: Block) -> None:
    for words in commands_in(block):
        parse(words)


def test_a_command_or_an_option_that_there_is_not_is_noticed() -> None:
    for words in (
        ["swep"],
        ["sweep", "--layer", "x"],
        ["runs", "extra"],
        ["models", "shw"],
        ["models", "show", "--layer"],
    ):
        with pytest.raises(TyperException):
            parse(words)


def test_make_has_every_target_that_a_block_names() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    called = [words[1] for block in SHELL for words in block.commands if words[0] == "make"]
    assert called
    assert [target for target in called if f"\n{target}:" not in makefile] == []


def test_the_tests_that_run_in_place_of_a_block_are_there() -> None:
    named = {name for block in blocks() for name in re.findall(r"\btests/\S+\.py\b", block.reason or "")}
    assert named
    assert {name for name in named if not (CHECKOUT / name).is_file()} == set()
