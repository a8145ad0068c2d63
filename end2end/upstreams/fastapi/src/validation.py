"""What rules say about the fields of a request."""

from collections.abc import Callable


class Invalid(Exception):
    """Something is wrong with fields of a request: a message for each."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__()
        self.errors = errors


def text(value: object) -> str:
    """The value when it is a string, otherwise the empty one: whatever JSON brings, rules see text."""
    return value if isinstance(value, str) else ""


def check_fields(fields: dict[str, str], rules: dict[str, Callable[[str], str | None]]) -> None:
    """Raises a message per field when a rule has one."""
    found = {name: rules[name](value) for name, value in fields.items()}
    errors = {name: message for name, message in found.items() if message}
    if errors:
        raise Invalid(errors)
