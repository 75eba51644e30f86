"""One sub-folder of pictures for each class."""

from lib.data.folder_tree import Tree
from lib.data.layout import Layout, Sorted, classes_in, loose_pictures


def _sort(tree: Tree) -> Sorted | None:
    classes = classes_in(tree)
    return None if classes is None else Sorted(classes, notes=loose_pictures(tree))


LAYOUT = Layout(
    "classes", "one sub-folder of pictures for each class, which may have sub-folders of its own", 30, _sort
)
