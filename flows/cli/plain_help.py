"""Commands whose help shows no types of Python: what a value is, its metavar and its explanation say."""

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup


class PlainCommand(TyperCommand):
    """A command with such a help."""

    def get_help_option(self, ctx: Any) -> Any:
        return _without_value(super().get_help_option(ctx))

    def get_params(self, ctx: Any) -> Any:
        return _without_types(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """A command that has commands of its own, with such a help."""

    def get_help_option(self, ctx: Any) -> Any:
        return _without_value(super().get_help_option(ctx))


def _without_value(option: Any) -> Any:
    """An option that takes no value, with none in the help: Typer would show <bool>."""
    if option is not None:
        option.metavar = ""
    return option


def _without_types(params: Any) -> Any:
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            _without_value(param)
        elif isinstance(param, TyperArgument):
            param.__dict__["display_type_rich"] = lambda ctx: None
    return params
