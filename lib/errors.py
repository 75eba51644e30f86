"""The one error that means: what you asked for cannot be done, and here is what to change."""


class BadInput(Exception):
    """A parameter, a file or a model that cannot be used.

    The message is one line that names the fix; the command line prints it alone and exits with 2. Nothing has been
    recorded when it is raised.
    """
