"""Names and messages as they can be printed, logged and put into JSON, whatever bytes and characters they are of.

Names come from strangers: of files, of layers in a model, of arrays in an archive. One that holds an escape sequence
steers the terminal that it is printed on, a line break makes a second line of a log, a mark of direction shows
gnp.exe as exe.png, and what is no Unicode (a lone surrogate) cannot be written anywhere. This is the one place that
says what is hidden so, and how it is shown: as %XX for each of its bytes.
"""

import re

_STEERING = (
    "\x00-\x1f\x7f-\x9f"  # control characters
    "\u2028\u2029\ufeff"  # line and paragraph separators, a byte order mark
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of direction, by which gnp.exe reads as exe.png
    "\ud800-\udfff"  # bytes that are no UTF-8 (Python makes surrogates of them), and halves of characters
)
"""Named one by one: what Python calls printable grows with every version of Unicode, and a name must stay the same."""
_HIDDEN = re.compile(f"[{_STEERING}]")
# A percent sign, too, that would be taken for the beginning of an escape.
_AMBIGUOUS = re.compile(f"[{_STEERING}]|%(?=[0-9A-Fa-f]{{2}})")
LONGEST_LINE = 2_000
"""Letters of a message: of a longer one, the beginning and the end are shown."""
_KEPT = frozenset("\n\t")


def show_name(name: str) -> str:
    """A file's name or relative path as people and JSON can have it; no two names share one (`names.parse_name`).

    `name` is as Python gives it (`os.fsdecode`). Bytes that are no UTF-8, control characters and marks that change the
    direction of writing become %XX, a percent sign becomes %25 where it would look like one of these; all else, emoji
    and spaces too, stays as it is.

    >>> show_name("100 %.png"), show_name("caf\\udce9.png"), show_name("two\\nlines %41.png")
    ('100 %.png', 'caf%E9.png', 'two%0Alines %2541.png')
    """
    return _AMBIGUOUS.sub(_escaped, name)


def printable(text: object) -> str:
    """Any text as one line that steers nothing, as a message that may hold a stranger's names.

    Line breaks and tabs become spaces, what else is hidden becomes %XX. What was made printable before stays as it is.

    >>> printable("layer \\x1b[31mred\\nis %41 of \\udce9")
    'layer %1B[31mred is %41 of %E9'
    """
    line = str(text).strip()
    if len(line) > LONGEST_LINE:  # a value or a name of a million letters is in it
        line = f"{line[: LONGEST_LINE // 2]} … {line[-LONGEST_LINE // 2 :]}"
    return _HIDDEN.sub(lambda found: " " if found[0] in _KEPT else _escaped(found), line)


def printable_lines(text: str) -> str:
    """As `printable`, where several lines and tabs may be, as in a log."""
    return _HIDDEN.sub(lambda found: found[0] if found[0] in _KEPT else _escaped(found), text)


def escape_in_json(text: str) -> str:
    r"""JSON of the same meaning, in which what is hidden is written as \uXXXX.

    >>> escape_in_json('["caf\udce9"]')
    '["caf\\\\udce9"]'
    """
    # the line breaks are those between values: json.dumps has escaped what is in texts
    return _HIDDEN.sub(lambda found: found[0] if found[0] in _KEPT else f"\\u{ord(found[0]):04x}", text)


def bytes_of(name: str) -> bytes:
    """The bytes of a name as Python gives it (`os.fsdecode`); of any other text, too."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character, as JSON may hold: it stands for no byte
        return name.encode("utf-8", "surrogatepass")


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in bytes_of(found[0]))
