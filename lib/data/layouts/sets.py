"""Folders of sets, `train` and `validation` or `test`, each with one sub-folder of pictures for each class."""

from lib.data.folder_tree import Tree
from lib.data.layout import UNSORTED, Classes, Layout, Sorted, classes_in, loose_pictures
from lib.errors import BadInput
from lib.pictures.names import show_name

SETS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("val", "valid", "validation"), "validation"
)
"""Which set a folder of this name, in lower case, is."""


def _sort(tree: Tree) -> Sorted | None:
    sets = _sets(tree)
    if "train" not in sets or len(sets) < 2:
        return None
    notes = [*loose_pictures(tree)]
    beside = [name for name in tree.with_pictures if name.lower() not in SETS]
    if beside:
        notes.append(f"pictures beside the sets are left out: {', '.join(map(show_name, beside))}")
    train = _classes(sets["train"])
    notes += loose_pictures(sets["train"]) if UNSORTED not in train else ()
    tests: dict[str, tuple[Tree, Classes]] = {}
    for name in ("test", "validation"):
        if name not in sets:
            continue
        found = _classes(sets[name], train)
        if UNSORTED in found and UNSORTED not in train:
            notes.append(f"the pictures of {_name(sets[name])} are in no folders of classes: they are left out")
        elif tests:
            notes.append(
                f"{_name(sets[name])} is left out: there is {_name(next(iter(tests.values()))[0])} to test with"
            )
        else:
            tests[name] = sets[name], found
    if not tests:
        return Sorted(train, notes=tuple(notes))
    ((folder, test),) = tests.values()
    if list(train) != list(test):
        differing = ", ".join(show_name(name or "none") for name in sorted(set(train) ^ set(test)))
        raise BadInput(
            f"{show_name(str(sets['train'].path))} and {show_name(str(folder.path))} differ in classes: {differing}"
        )
    return Sorted(train, test, f"the folders {_name(sets['train'])} and {_name(folder)}", tuple(notes))


def _sets(tree: Tree) -> dict[str, Tree]:
    """The folders of sets. Raises BadInput for two of one kind."""
    found: dict[str, Tree] = {}
    for name, folder in tree.folders.items():
        if (kind := SETS.get(name.lower())) is None:
            continue
        if kind in found:
            raise BadInput(
                f"{show_name(str(tree.path))} has {_name(found[kind])} and {_name(folder)}, which are one set: "
                "leave one of them"
            )
        found[kind] = folder
    return found


def _classes(tree: Tree, known: Classes | None = None) -> Classes:
    """The classes of a set; `known` are those of another, of which it may have one alone."""
    if not tree.all_pictures:
        raise BadInput(f"{show_name(str(tree.path))} has no pictures: add some, or remove the folder")
    found = classes_in(tree)
    if found is None and known is not None and not tree.pictures and set(tree.with_pictures) <= set(known):
        found = {name: folder.all_pictures for name, folder in tree.with_pictures.items()}
    return found or {UNSORTED: tree.all_pictures}


def _name(tree: Tree) -> str:
    return show_name(tree.path.name)


LAYOUT = Layout(
    "sets",
    "train and validation or test (also training, val, valid, testing), each with sub-folders of classes",
    10,
    _sort,
)
