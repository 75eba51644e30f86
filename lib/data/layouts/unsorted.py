"""Pictures without classes: whatever folders they lie in."""

from lib.data.folder_tree import Tree
from lib.data.layout import UNSORTED, Layout, Sorted


def _sort(tree: Tree) -> Sorted:
    return Sorted({UNSORTED: tree.all_pictures})


LAYOUT = Layout("unsorted", "pictures without classes, all in one folder", 90, _sort)
