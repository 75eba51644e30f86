"""One sub-folder for each class, in which there are folders of sets: `cats/train`, `cats/test`."""

from lib.data.folder_tree import Tree
from lib.data.layout import Layout, Sorted, loose_pictures
from lib.data.layouts.sets import SETS


def _sort(tree: Tree) -> Sorted | None:
    classes = tree.with_pictures
    if len(classes) < 2:
        return None
    sets = [{SETS.get(name.lower()): inner for name, inner in folder.folders.items()} for folder in classes.values()]
    if any(folder.pictures for folder in classes.values()) or any("train" not in found for found in sets):
        return None
    test = next((name for name in ("test", "validation") if all(name in found for found in sets)), None)
    if test is None:
        return None
    train = {name: found["train"].all_pictures for name, found in zip(classes, sets, strict=True)}
    tested = {name: found[test].all_pictures for name, found in zip(classes, sets, strict=True)}
    if not all([*train.values(), *tested.values()]):
        return None
    notes = list(loose_pictures(tree))
    if len({name for found in sets for name in found}) > 2:
        notes.append(f"of each class the folders of training and {test} pictures are used, and the others left out")
    return Sorted(train, tested, f"the folders of training and {test} pictures in each class", tuple(notes))


LAYOUT = Layout("sets of classes", "one sub-folder for each class, with the folders train and test in each", 25, _sort)
