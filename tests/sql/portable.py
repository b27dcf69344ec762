"""Says where a rule leaves the subset of SQL that a second engine understands in the same way.

Rules are the macros that decide something and the views from typed events to issues. Reading files, phase
windows and the primitives of schema ``prim`` are one engine's own business. A tree that is walked against a
list of what is allowed finds more than a translation: translators change the meaning of many an expression
without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp

from stormlog.engine.database.sql_files import SqlFile, load_library

__all__ = ["EXCEPTIONS", "is_rule", "violations"]

#: Rules outside the schemas that hold rules only.
_RULES_OF_READING = {"telemetry.is_sample", "telemetry.fragmented_bytes"}

#: Views that decide something, beside those of hidden memory.
_RULE_VIEWS = {
    *(
        "stage.distinct_texts",
        "stage.fresh_hits",
        "stage.fresh_session_parts",
        "memory_gaps",
        "stage.evidence",
    ),
    *("issue_evidence", "stage.hit_keys", "stage.hits", "issues", "tracking.issue_states"),
}

#: (macro or view, violation) -> why it may stay.
EXCEPTIONS = {
    ("stage.hit_keys_view", "number beyond 64 bits: 100000000000000000000"): (
        "multiplied as DECIMAL(38, 0): every engine reads a number of 21 digits as a decimal"
    ),
    ("stage.fresh_session_parts_view", "division by total_bytes"): "samples have total_bytes > 0",
    (
        "stage.fresh_session_parts_view",
        "division by reserved_bytes",
    ): "only where fragmented_bytes is known: > 0",
    ("stage.gap_marks", "division by s.reserved_bytes"): "only where fragmented_bytes is known: > 0",
    (
        "stage.gap_evidence_view",
        "hint MATERIALIZED",
    ): "a hint: engines without it answer the same, more slowly",
    ("stage.gap_marks", "hint MATERIALIZED"): "a hint: engines without it answer the same, more slowly",
}

_STRUCTURE = {
    *("Alias", "And", "Between", "Boolean", "CTE", "Case", "Column", "Create", "DataType", "DataTypeParam"),
    *(
        "Distinct",
        "Dot",
        "EQ",
        "From",
        "GT",
        "GTE",
        "Group",
        "Identifier",
        "If",
        "In",
        "Is",
        "Join",
        "LT",
        "LTE",
    ),
    *(
        "Literal",
        "NEQ",
        "Neg",
        "Not",
        "Null",
        "Or",
        "Order",
        "Ordered",
        "Paren",
        "Select",
        "Star",
        "Subquery",
    ),
    *("Table", "TableAlias", "Union", "UserDefinedFunction", "Where", "Window", "With"),
}
_ARITHMETIC = {"Abs", "Add", "Div", "Greatest", "Least", "Mul", "Sub"}
_FUNCTIONS = {
    *("ArrayAgg", "ArraySort", "Cast", "Coalesce", "Concat", "Contains", "Count", "Left", "Length", "Lower"),
    *("Max", "Min", "Nullif", "RegexpFullMatch", "RegexpReplace", "Replace", "RowNumber", "SplitPart"),
    *("StartsWith", "Substring", "Sum", "Trim"),
}
_ALLOWED = _STRUCTURE | _ARITHMETIC | _FUNCTIONS
_TYPES = {"VARCHAR", "BIGINT", "INT", "INTEGER", "BOOLEAN", "DOUBLE", "DECIMAL(38, 0)"}
_SCHEMAS = ("prim", "telemetry", "projection", "issues")
_BAD_PATTERN = {
    r"\\[sSwWpP]": "class that engines read differently",
    r"(?<!\\)\$": "$, which some engines let match before a last line break: use \\z",
    r"\(\?[=!<]": "lookaround",
}


def is_rule(file: SqlFile) -> bool:
    """Return whether a file must keep to the subset."""
    if file.kind == "MACRO":
        return file.name.partition(".")[0] in ("issues", "projection") or file.name in _RULES_OF_READING
    return file.path.parent.name == "gaps" or file.table_name in _RULE_VIEWS


def violations(statement: str) -> list[str]:
    """Return what a CREATE statement says that a second engine may not, in order, each once."""
    try:
        tree = sqlglot.parse_one(statement, read="duckdb")
    except sqlglot.ParseError:
        return ["opaque statement: cannot be parsed"]
    return list(dict.fromkeys(_violations(tree)))


def _violations(tree: exp.Expression) -> Iterator[str]:
    if not isinstance(tree, exp.Create) or tree.find(exp.Command):
        yield f"opaque statement: {type(tree).__name__}"
        return
    if isinstance(tree.this, exp.UserDefinedFunction) and not isinstance(tree.expression, exp.Paren):
        yield "macro body without parentheses"
    for node in tree.walk():
        kind = type(node).__name__
        if kind == "Anonymous":
            yield from _violations_of_call(node)
        elif kind not in _ALLOWED:
            yield f"not allowed: {kind}"
        elif check := _CHECKS.get(kind):
            yield from check(node)


def _violations_of_call(node: exp.Expression) -> Iterator[str]:
    called = node.name
    if isinstance(node.parent, exp.Dot):
        called = f"{node.parent.this.name}.{node.name}"
    if called not in {file.name for file in load_library() if file.kind == "MACRO"}:
        yield f"not allowed: {called}()"


def _violations_of_order(node: exp.Expression) -> Iterator[str]:
    if not isinstance(node.parent, exp.Window):
        yield "order outside a window"


def _violations_of_list(node: exp.Expression) -> Iterator[str]:
    if not isinstance(node.parent, exp.ArraySort):
        yield "list that is not sorted"


def _violations_of_join(node: exp.Expression) -> Iterator[str]:
    if node.args.get("kind") not in (None, "", "INNER") or node.args.get("side") not in (None, "", "LEFT"):
        yield f"join of kind {node.args.get('side') or ''}{node.args.get('kind') or ''}"
    if not node.args.get("on"):
        yield "join without ON"


def _violations_of_sum(node: exp.Expression) -> Iterator[str]:
    if node.find(exp.Div) or any(
        kind.this == exp.DataType.Type.DOUBLE for kind in node.find_all(exp.DataType)
    ):
        yield "sum of fractions"


def _violations_of_division(node: exp.Expression) -> Iterator[str]:
    divisor = node.expression
    if isinstance(divisor, exp.Nullif) or (isinstance(divisor, exp.Literal) and float(divisor.name) != 0):
        return
    yield f"division by {divisor.sql(dialect='duckdb')}"


def _violations_of_type(node: exp.Expression) -> Iterator[str]:
    text = node.sql(dialect="duckdb")
    if text not in _TYPES and text != "TEXT":
        yield f"type {text}"


def _violations_of_literal(node: exp.Expression) -> Iterator[str]:
    if not node.args["is_string"] and re.fullmatch("[0-9]+", node.name) and int(node.name) >= 2**63:
        yield f"number beyond 64 bits: {node.name}"


def _violations_of_cte(node: exp.Expression) -> Iterator[str]:
    if node.args.get("materialized") is not None:
        yield "hint MATERIALIZED"


def _violations_of_pattern(node: exp.Expression) -> Iterator[str]:
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and pattern.args["is_string"]):
        yield "pattern that is not a literal"
        return
    for bad, why in _BAD_PATTERN.items():
        if re.search(bad, pattern.name):
            yield f"pattern with {why}"
    if isinstance(node, exp.RegexpReplace):
        modifiers, replacement = node.args.get("modifiers"), node.args.get("replacement")
        if modifiers is None or modifiers.name != "g":
            yield "replacement without 'g'"
        if replacement is None or "\\" in replacement.name:
            yield "back-reference in a replacement"


def _violations_of_function(node: exp.Expression) -> Iterator[str]:
    if any(not isinstance(parameter, exp.Identifier) for parameter in node.expressions):
        yield "parameter with a default"


_CHECKS = {
    "ArrayAgg": _violations_of_list,
    "CTE": _violations_of_cte,
    "DataType": _violations_of_type,
    "Div": _violations_of_division,
    "Join": _violations_of_join,
    "Literal": _violations_of_literal,
    "Order": _violations_of_order,
    "RegexpFullMatch": _violations_of_pattern,
    "RegexpReplace": _violations_of_pattern,
    "Sum": _violations_of_sum,
    "UserDefinedFunction": _violations_of_function,
}
