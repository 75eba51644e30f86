"""The error that means: what you asked for cannot be done, and here is what to change."""

from lib.printable import printable

_SHOWN = 200
"""Letters of a value that was refused: it may be a list of a million numbers, and what is wanted stands behind it."""


class BadInput(Exception):
    """A parameter, a file or a model that cannot be used.

    The message is one line that names the fix; the command line prints it alone and exits with 2. Nothing has been
    recorded when it is raised. Names in it may be a stranger's: what would steer a terminal is shown and does nothing.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class BadValue(BadInput):
    """A value that a parameter cannot have. The command line and the forms call the parameter by their own names."""

    def __init__(self, name: str, value: object, wanted: str) -> None:
        super().__init__(name, value, wanted)
        self.name, self.value, self.wanted = name, value, wanted

    def __str__(self) -> str:
        return printable(f"{self.name} is {_short(self.value)}; {self.wanted}")


class Question(BadInput):
    """What only whoever started a run can say. The command line and the forms call the parameter by their own names."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(field, text)
        self.field, self.text = field, text

    def said_with(self, called: str) -> str:
        """The question, and where the answer is given."""
        return printable(f"{self.text}; say it with {called}")

    def __str__(self) -> str:
        return self.said_with(self.field)


def _short(value: object) -> str:
    try:
        shown = repr(value)
    except ValueError:  # a number of more digits than Python writes
        return "a number of thousands of digits"
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
