"""The description of Stormlog for programs: what it takes, what it answers, and what the words mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from stormlog._values import frozen_class
from stormlog.query.schema import ViewDescription

__all__ = [
    "AnswerDescription",
    "CommandDescription",
    "CommandSpecification",
    "ExitStatusDescription",
    "FormatDescription",
    "ParameterDescription",
    "SettingDescription",
    "Specification",
    "ToolDescription",
    "VariableDescription",
]


@frozen_class
class ParameterDescription:
    """An option or an argument of a command.

    Attributes:
        kind: ``option`` or ``argument``.
        names: How an option is written, all spellings; what stands for an argument in the usage.
        opposite_names: How the opposite of an option is written, such as ``--no-regress-on-equal``.
        type: ``flag`` (it takes no value), ``text``, ``integer``, ``number``, ``choice``, ``path`` or ``time``.
        metavar: What stands for the value in the help; null for a flag.
        choices: The only values that there are; empty where there are others.
        default: The value where nothing is given; null for none.
        is_required: Whether it has to be given.
        is_repeatable: Whether it may be given several times.
        environment: Variable that says the value where the option does not.
        configuration: Key of the configuration file that says the value where neither does.
        section: Heading of the help that it stands below; null for an argument.
        meaning: What it is for; of an argument, the help of the command says it.
    """

    kind: Literal["option", "argument"]
    names: tuple[str, ...]
    opposite_names: tuple[str, ...]
    type: str
    metavar: str | None
    choices: tuple[str, ...]
    default: str | int | float | bool | None
    is_required: bool
    is_repeatable: bool
    environment: str | None
    configuration: str | None
    section: str | None
    meaning: str


@frozen_class
class CommandDescription:
    """A command.

    Attributes:
        name: Its words after ``stormlog``.
        usage: How a command line is built.
        summary: What it does, in one sentence.
        description: The whole help without options and examples.
        examples: Command lines to begin with.
        parameters: Options and arguments, in the order of the help.
        formats: Values of ``--format``, the default first; empty where there is no such option.
        answers: Names of the JSON answers that it may give.
    """

    name: str
    usage: str
    summary: str
    description: str
    examples: tuple[str, ...]
    parameters: tuple[ParameterDescription, ...]
    formats: tuple[str, ...]
    answers: tuple[str, ...]


@frozen_class
class AnswerDescription:
    """A JSON answer.

    Attributes:
        name: Its name; ``schemas/NAME.json`` is its schema.
        title: What it is.
        commands: The commands that give it.
        when: With which options they do.
        line: JSON pointer into the schema: to what one line of ``--jsonl`` is, or of an answer that is printed line by
            line; null where there are no lines.
        schema: JSON Schema (draft 2020-12). ``x-unit`` is the unit of a number.
    """

    name: str
    title: str
    commands: tuple[str, ...]
    when: str
    line: str | None
    schema: Mapping[str, Any]


@frozen_class
class ToolDescription:
    """A tool of ``stormlog mcp``.

    Attributes:
        name: As agents call it.
        title: For people.
        meaning: What it answers, and when to use it.
        permission: What agents need for it: ``issues:read``, which they always have, or ``issues:write``.
        arguments: JSON Schema of what it takes; ``schemas/mcp_NAME_arguments.json``.
        schema: JSON Schema of its structured content; ``schemas/mcp_NAME.json``.
    """

    name: str
    title: str
    meaning: str
    permission: str
    arguments: Mapping[str, Any]
    schema: Mapping[str, Any]


@frozen_class
class CommandSpecification:
    """What one command takes and answers.

    Attributes:
        command: The command.
        answers: The JSON answers that it may give.
        tools: The tools that it offers to agents; of ``mcp`` only.
    """

    command: CommandDescription
    answers: tuple[AnswerDescription, ...]
    tools: tuple[ToolDescription, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what ``stormlog spec COMMAND --json`` prints."""
        return asdict(self)


@frozen_class
class FormatDescription:
    """How lists are printed.

    Attributes:
        name: Value of ``--format``.
        meaning: What it is for.
    """

    name: str
    meaning: str


@frozen_class
class ExitStatusDescription:
    """What a finished command tells the shell.

    Attributes:
        name: The name of the status in Python.
        codes: Values of ``error.code`` on stderr that go with it, where JSON is asked for.
    """

    status: int
    name: str
    meaning: str
    codes: tuple[str, ...]


@frozen_class
class VariableDescription:
    """An environment variable that commands look at."""

    name: str
    meaning: str


@frozen_class
class SettingDescription:
    """A key of the configuration file.

    Attributes:
        example: A value in TOML.
        environment: Variable that counts more.
    """

    name: str
    meaning: str
    example: str
    environment: str | None


@frozen_class
class Specification:
    """Everything that Stormlog takes and answers.

    Attributes:
        version: Version of Stormlog.
        commands: All commands, by the order of the help.
        formats: How lists are printed, the default first. Commands that print something else name their own formats.
        exit_statuses: What finished commands tell the shell.
        environment: Variables that commands look at. Options count more.
        configuration: Keys of the configuration file. Options and variables count more.
        views: What statements may select from, views with arguments (table macros) last.
        answers: Every JSON answer of a command.
        tools: What ``stormlog mcp`` offers to agents, those that only look first.
    """

    version: str
    commands: tuple[CommandDescription, ...]
    formats: tuple[FormatDescription, ...]
    exit_statuses: tuple[ExitStatusDescription, ...]
    environment: tuple[VariableDescription, ...]
    configuration: tuple[SettingDescription, ...]
    views: tuple[ViewDescription, ...]
    answers: tuple[AnswerDescription, ...]
    tools: tuple[ToolDescription, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what ``stormlog spec --json`` prints."""
        return asdict(self)
