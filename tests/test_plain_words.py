"""What users read is said in the field's terms, in whole phrases: in no help, form, message or page is the old dialect.

Read are texts as users meet them: help as it is printed, forms as Prefect's UI gets them, pages as they are made. Of
messages every text in the code is read, since nobody can make all of them appear.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from flows.cli.app import application, main
from flows.serving.deployments import FLOWS
from lib.registry import module_names
from tests.docs.blocks import PACKAGES
from tests.tasks.gallery.everything import everything
from tests.tasks.gallery.made import Made

HOUSE = Path(__file__).parents[1]
HIDDEN = re.compile(r'(?:alt|aria-label)="([^"]*)"|<title>([^<]*)')
"""What a page says besides its text."""
TEMPLATES = HOUSE / "lib" / "gallery" / "templates"
DOCUMENTS = sorted([*HOUSE.glob("*.md"), *(HOUSE / "docs").rglob("*.md"), HOUSE / "examples" / "own_network.ipynb"])
BESIDES = sorted(path for folder in ("deploy", ".github") for path in (HOUSE / folder).rglob("*") if path.is_file())

_MANY = r"(maps|OIPs|units|images|pictures|start images|starts|restarts|epochs|task runs?|flow runs?|grid|row|cell|one)"
FORBIDDEN = {
    r"\bclimb(s|ed|ing)?\b": "what is maximised is the objective, what is optimised together is a batch",
    r"\bkept to\b": "say constraint",
    r"\bgiven up (after|at)\b|\bafter an eighth\b": "say successive halving at 1/8 and 1/2 of the steps",
    r"(\b\d+|\{\}|\brandom|\bweaker|\bbetter) starts\b|\bstart images a\b": "say restarts",
    r"\bcalled (\{\}|\d|what|so|that|as)|\bwhat (it|they|the network) calls?\b": "say predicted, or accuracy",
    r"\bimages? (of \S+ )?called\b|, called \S|^called$": "say predicted",
    r"\b(is|are|was) taken for\b|\btakes? for what\b": "say confusion matrix, or predicted",
    r"\b(tells?|told|telling) (\S+ ){0,5}apart\b": "say linear probes by layer, accuracy, or classes that are compared",
    r"\bpixels (that )?carry\b|\bwhat carries\b|\bspeaks for\b": "say attribution for class N",
    r"\bwhat moves the weights\b": "say optimiser",
    r"\bblog": "say nothing; in docs, once: the article series that this began with",
    rf"\b{_MANY} an? (map|unit|layer|class|row|task run|step|picture|second)\b": "say per",
    r"\bmaps? a task\b|\bOIPs? a unit\b|\bsub-folder( of \w+)? a class\b": "say per",
    r"\bit wants\b|\bis wanted\b|\bwants? (a|an|at|one|two)\b": "say needs, or must be",
    r"\blooked at\b|\bwhat (does|makes) (it|that|one)\b[^.]*:": "say analysed; say that a command does it",
    r"\b(the )?time was over\b": "say that the time limit was reached",
    r"\bwithout a word\b": "say without a report",
    r"\bleast sure\b": "say the smallest margin",
}
"""Phrases (regular expressions, whatever the case) that nobody may meet, and what to say in their place.

In texts of the code and of templates {} stands for what is filled in.
"""

CLIPPED = r"^(Of|As|With|At|From) (?!how\b|which\b)|^Default:|^\S+\.$"
"""How explanations begin that are no whole phrase."""

EXCEPTIONS = {
    ("tasks/sweep/layers.py", "{} · {} starts or more · seed {}"): "is drawn in contact sheets, stored by task layer",
    (
        "tasks/analysis/context.py",
        "called {} ({})",
    ): "is drawn in pictures that tasks attribution and activations store",
    ("tasks/analysis/attribution.py", "{}: what speaks for {}"): "is drawn in pictures that task attribution stores",
    ("flows/cli/commands/train.py", "blog"): "is what a recipe was called before; scripts that say so go on working",
}
"""Texts of the code that stay until the next version of their task, or for ever, and why."""

MENTION = re.compile(r"\bOIPs?\b")
FIRST_MENTION = re.compile(r"\bfeature visualisations? \(OIPs?\)", re.IGNORECASE)


def offences(text: str) -> list[str]:
    """The forbidden phrases in a text, each with what to say in its place."""
    flat = " ".join(text.split())
    return [
        f"{found.group()!r}: {remedy}; in {flat[max(0, found.start() - 60) : found.end() + 60]!r}"
        for phrase, remedy in FORBIDDEN.items()
        for found in re.finditer(phrase, flat, re.IGNORECASE)
    ]


def says_first_what_an_oip_is(text: str) -> bool:
    """Whether a text that has OIPs in it says at the first of them that they are feature visualisations."""
    flat = " ".join(text.split())
    mentioned, explained = MENTION.search(flat), FIRST_MENTION.search(flat)
    return mentioned is None or (explained is not None and explained.start() < mentioned.start())


@pytest.mark.parametrize(
    "text",
    [
        "What is climbed.",
        "Images that climb together; fewer want less memory.",
        "What every image is kept to.",
        "weaker starts are given up after an eighth and a half of them.",
        "what the network calls it",
        "9 called 4",
        "label nine, called four",
        "What is taken for what",
        "How far each layer tells classes apart",
        "Which pixels carry {}",
        "What moves the weights: adam, rmsprop or sgd.",
        "as the blog can",
        "one task run a map",
        "Maps a task run",
        "OIPs a unit",
        "it wants a whole number",
    ],
)
def test_the_old_dialect_is_recognised(text: str) -> None:
    assert offences(text)


@pytest.mark.parametrize(
    "text",
    [
        "How many images each training step takes.",
        "on: the webhook is called when a run fails",
        "name a run, a unit, a model, a picture or a record",
        "OIPs per unit",
        "{} predicted as {}",
    ],
)
def test_plain_words_are_let_pass(text: str) -> None:
    assert offences(text) == []


# ---- the command line ------------------------------------------------------------------------------------------------

WITHIN = {"models": ["add", "show", "rename", "remove"]}
"""The commands of commands."""
COMMANDS = list(get_command(application(())).commands)  # type: ignore[attr-defined]


def help_of(capfd: pytest.CaptureFixture[str], *command: str) -> str:
    assert main([*command, "--help"]) == 0
    return re.sub(r"[│╭╮╰╯─]", " ", capfd.readouterr().out)


CALLED = [(), *((name,) for name in COMMANDS), *((name, inner) for name in WITHIN for inner in WITHIN[name])]


@pytest.mark.parametrize("command", CALLED, ids=lambda command: " ".join(command))
def test_the_help_is_in_plain_words(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    text = help_of(capfd, *command)
    assert "Usage: dreamsweep" in text
    assert re.findall(r"<[a-z]+(?:\[\w+\])?>", text) == []  # types of Python
    assert offences(text) == []
    assert says_first_what_an_oip_is(text)


def test_each_option_is_explained_in_a_whole_phrase() -> None:
    group: Any = get_command(application(COMMANDS))
    assert {
        name: list(command.commands) for name, command in group.commands.items() if hasattr(command, "commands")
    } == (WITHIN)
    commands = dict(group.commands)
    for name in WITHIN:
        commands |= {f"{name} {inner}": command for inner, command in group.commands[name].commands.items()}
    explained = {
        f"{name} {option.name}": option.help
        for name, command in commands.items()
        for option in command.params
        if option.help
    }
    assert len(explained) > 100
    assert {name: text for name, text in explained.items() if re.search(CLIPPED, text)} == {}


# ---- Prefect: forms, flows, tasks ------------------------------------------------------------------------------------


def flow_of(name: str) -> Any:
    module, _, function = FLOWS[name].rpartition(".")
    return getattr(import_module(module), function)


def said_in(schema: Any) -> Iterator[str]:
    """Every title, description and choice of a form, however deep."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("title", "description") and isinstance(value, str):
                yield value
            elif key == "enum":
                yield from (str(choice) for choice in value)
            else:
                yield from said_in(value)
    elif isinstance(schema, list):
        for part in schema:
            yield from said_in(part)


@pytest.mark.parametrize("name", FLOWS)
def test_the_form_of_a_deployment_is_in_plain_words(name: str) -> None:
    from flows.forms.arguments import form_of, schema_of

    flow = flow_of(name)
    texts = [flow.description, *said_in(schema_of(form_of(flow.fn)))]
    assert len(texts) > 20
    assert [offence for text in texts for offence in offences(text)] == []
    assert [text for text in texts if re.search(CLIPPED, text)] == []


@pytest.mark.parametrize("name", FLOWS)
def test_the_form_of_a_deployment_says_at_first_what_an_oip_is(name: str) -> None:
    from flows.forms.arguments import form_of, schema_of

    flow = flow_of(name)
    assert says_first_what_an_oip_is(" ".join([flow.description, *said_in(schema_of(form_of(flow.fn)))]))


def test_the_descriptions_of_tasks_are_in_plain_words() -> None:
    from prefect import Task

    modules = [import_module(name) for wing in module_names("tasks") for name in module_names(wing)]
    tasks = {entry.name: entry for module in modules for entry in vars(module).values() if isinstance(entry, Task)}
    assert len(tasks) > 15
    assert {name: found for name, task in tasks.items() if (found := offences(task.description or ""))} == {}


# ---- messages --------------------------------------------------------------------------------------------------------


def texts_in(code: str) -> set[str]:
    """Every text in Python code that is no docstring, with {} for what an f-string fills in."""
    tree = ast.parse(code)
    parts = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
        if isinstance(part, ast.Constant)
    }
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            found.add("".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts | docs:
            found.add(node.value)
    return found


def is_read(text: str) -> bool:
    """Names of options, columns and keys are single words, and stay; of those only the blog is looked for."""
    return " " in text.strip() or "blog" in text


@cache
def all_texts() -> set[tuple[str, str]]:
    """Every text in the code that may be read, each with its file."""
    return {
        (path.relative_to(HOUSE).as_posix(), text)
        for room in PACKAGES
        for path in (HOUSE / room).rglob("*.py")
        for text in texts_in(path.read_text(encoding="utf-8"))
        if is_read(text)
    }


def test_texts_are_found_in_all_their_forms() -> None:
    code = '"""Docs."""\nX = f"a {1 + 1} of {b:.2f} c"\n"""About X."""\nraise E("one " "two")\nD = {"key of": 3}\n'
    assert texts_in(code) == {"a {} of {} c", "one two", "key of", ".2f"}


def test_messages_are_in_plain_words() -> None:
    texts = all_texts()
    assert len(texts) > 900
    found = {f"{file}: {offence}" for file, text in texts - set(EXCEPTIONS) for offence in offences(text)}
    assert found == set()


def test_each_exception_is_still_needed() -> None:
    texts = all_texts()
    assert [kept for kept in EXCEPTIONS if kept not in texts or not offences(kept[1])] == []


# ---- the gallery -----------------------------------------------------------------------------------------------------


def template_texts(template: str) -> list[str]:
    """What a template says: its text and its attributes with {} for what is filled in, and the texts it fills in."""
    without = re.sub(r"\{#.*?#\}", " ", template, flags=re.DOTALL)
    code = re.findall(r"\{[{%].*?[%}]\}", without, flags=re.DOTALL)
    filled = [text for part in code for text in re.findall(r'"([^"]*)"', part)]
    plain = re.sub(r"\{%.*?%\}", " ", re.sub(r"\{\{.*?\}\}", "{}", without, flags=re.DOTALL), flags=re.DOTALL)
    attributes = re.findall(r'(?:alt|aria-label|title|placeholder)="([^"]*)"', plain)
    return [re.sub(r"<[^>]*>", " ", plain), *attributes, *(text for text in filled if " " in text)]


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.j2")), ids=lambda path: path.name)
def test_a_template_of_the_gallery_is_in_plain_words(template: Path) -> None:
    texts = template_texts(template.read_text(encoding="utf-8"))
    assert [offence for text in texts for offence in offences(text)] == []


@pytest.mark.parametrize("script", sorted((HOUSE / "lib/gallery/static").glob("*.js")), ids=lambda path: path.name)
def test_a_script_of_the_gallery_is_in_plain_words(script: Path) -> None:
    texts = re.findall(r'"([^"\n]*)"|`([^`]*)`', script.read_text(encoding="utf-8"))
    assert [offence for pair in texts for text in pair if " " in text for offence in offences(text)] == []


def test_dead_relus_are_named_on_one_page_of_the_gallery() -> None:
    named = [path.name for path in TEMPLATES.glob("*.j2") if "dead ReLU" in path.read_text(encoding="utf-8")]
    assert named == ["unit.html.j2"]


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The gallery of a store with a little of everything."""
    return Made(everything(tmp_path_factory.mktemp("store")).store, tmp_path_factory.mktemp("gallery"))


def test_the_pages_of_a_gallery_are_in_plain_words(gallery: Made) -> None:
    pages = gallery.pages()
    assert len(pages) > 30
    found = {}
    for page in pages:
        html = gallery.html(page)
        hidden = (unescape(text) for pair in HIDDEN.findall(html) for text in pair)
        if wrong := [offence for text in (gallery.text(page), *hidden) for offence in offences(text)]:
            found[page] = wrong
    assert found == {}


def test_each_page_of_a_gallery_says_at_first_what_an_oip_is(gallery: Made) -> None:
    mentioning = [page for page in gallery.pages() if MENTION.search(gallery.text(page))]
    assert len(mentioning) > 10
    assert [page for page in mentioning if not says_first_what_an_oip_is(gallery.text(page))] == []


# ---- documents -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(HOUSE).as_posix())
def test_a_document_is_in_plain_words_and_says_at_first_what_an_oip_is(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    prose = re.sub(r"^`.*`$", "", text, flags=re.MULTILINE)  # messages, as troubleshooting has them, are read above
    assert offences(prose) == []
    assert says_first_what_an_oip_is(text)


@pytest.mark.parametrize("file", BESIDES, ids=lambda path: path.relative_to(HOUSE).as_posix())
def test_files_for_servers_and_forges_are_in_plain_words(file: Path) -> None:
    assert offences(file.read_text(encoding="utf-8")) == []


def test_what_is_said_of_the_public_functions_is_in_plain_words() -> None:
    import dreamsweep

    public = [getattr(dreamsweep, name) for name in dreamsweep.__all__]
    members = [member for one in public if isinstance(one, type) for member in vars(one).values()]
    texts = [text for one in (dreamsweep, *public, *members) if (text := getattr(one, "__doc__", None))]
    assert len(texts) > 20
    assert [offence for text in texts for offence in offences(text)] == []
