"""``stormlog issues ignores``: the rules by which issues are ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.options.tracker_options import format_options, tracker_of, tracker_options

if TYPE_CHECKING:
    from stormlog.tracking import TrackedRule

__all__ = ["ignores", "rule_text"]


@click.command()
@click.option("--remove", "rule_id", type=click.INT, metavar="RULE", help="Remove this rule.")
@tracker_options
@format_options
@click.help_option("-h", "--help")
def ignores(rule_id: int | None, **options: Any) -> None:
    """List the rules by which issues are ignored, as 'stormlog issues ignore' makes them.

    When a rule is removed, the issues that it ignored are what they were before.

    \b
    Examples:
      stormlog issues ignores
      stormlog issues ignores --remove 3
    """
    from stormlog.apps.cli.commands.issue_lists import print_rows
    from stormlog.apps.cli.options.options import format_of
    from stormlog.apps.cli.options.shown_times import moments_of
    from stormlog.apps.cli.options.tracked_targets import IGNORE_RULES

    format_name, moments = format_of(options), moments_of(options)
    with tracker_of(options, read_only=rule_id is None) as tracker:
        rules = tracker.ignore_rules() if rule_id is None else [tracker.remove_ignore_rule(rule_id)]
    if rule_id is not None and format_name == "table":
        from stormlog.apps.cli.printing import output
        from stormlog.presenting import printable

        output.print_text(f"Removed rule {rule_id}: {printable(rule_text(rules[0]))}\n")
        output.flush()
        return
    rows: list[dict[str, Any]] = [{**rule.as_dict()} for rule in rules]
    if format_name in ("table", "markdown"):
        rows = [{**row, "fits": rule_text(rule)} for row, rule in zip(rows, rules, strict=True)]
    print_rows(rows, IGNORE_RULES, format_name, options["no_colour"], moments)


def rule_text(rule: TrackedRule) -> str:
    """Return which issues a rule fits, on one line."""
    named = rule.rule
    parts = [f"{name}={pattern}" for name, pattern in (named.dimensions or {}).items()]
    if named.fingerprint_id is not None:
        parts.insert(0, named.fingerprint_id)
    kind = "issues" if named.kind is None else f"{named.kind} issues"
    return f"{kind} with {', '.join(parts)}" if parts else f"all {kind}"
