"""A folder that holds nothing but another one, as some archives are unpacked: that one is meant."""

from dataclasses import replace

from lib.data.folder_tree import Tree
from lib.data.layout import Layout, Sorted, sort_pictures
from lib.pictures.names import show_name


def _sort(tree: Tree) -> Sorted | None:
    if tree.pictures or len(tree.with_pictures) != 1:
        return None
    ((name, inner),) = tree.with_pictures.items()
    if not inner.with_pictures:
        return None
    found = sort_pictures(inner)
    if not found.labelled:
        return None
    return replace(found, notes=(f"its pictures are sorted as in its only folder, {show_name(name)}", *found.notes))


LAYOUT = Layout("wrapped", "a single sub-folder, in which all of it lies", 20, _sort)
