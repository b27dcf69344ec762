"""Says where a rule leaves the subset of SQL that a second engine understands in the same way.

Rules are the views from records to issues, the macros that decide something, what all of these call, and the
statements of staging. Reading files, phase windows and the primitives of schema ``prim`` are one engine's own
business. A tree that is walked against a list of what is allowed finds more than a translation: translators
change the meaning of many an expression without a word. What depends on types is in ``portable_types.py``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import sqlglot
from sqlglot import exp

from stormlog.engine.analysis import hidden_memory, phase_spans, staging
from stormlog.engine.database.sql_files import SqlFile, load_sql_files

__all__ = ["EXCEPTIONS", "rules", "staging_statements", "violations"]

#: Views that decide something, or pass records on to those that do, beside those of hidden memory.
_RULE_VIEWS = {
    *("raw.fresh_records", "raw.events", "stage.loaded_sessions"),
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
    ("raw.fresh_records", "number of a row"): "the reader of each engine numbers the rows that it reads",
    ("issues", "sorted list that may hold NULL"): "sessions that were compared with '' are not NULL",
    ("issues.normalize_ascii", "lower() of other alphabets"): "called with ASCII texts only",
    ("issues.normalize_ascii", "pattern with an escape that engines read differently"): (
        "word boundaries are the same in ASCII texts, and it is called with no others"
    ),
    ("projection.source_kind", "lower() of other alphabets"): (
        "looks for ASCII words without i and k, the only letters that others become in lower case"
    ),
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
#: Statements of staging are no views: they have parameters, the order of their result, and empty tables.
_STATEMENTS = {"Limit", "Placeholder"}
_ARITHMETIC = {"Abs", "Add", "Div", "Greatest", "Least", "Mul", "Sub"}
_FUNCTIONS = {
    *("ArrayAgg", "ArraySort", "Cast", "Coalesce", "Concat", "Contains", "Count", "Left", "Length", "Lower"),
    *("Max", "Min", "Nullif", "RegexpFullMatch", "RegexpReplace", "Replace", "RowNumber", "SplitPart"),
    *("StartsWith", "Substring", "Sum", "Trim"),
}
_ALLOWED = _STRUCTURE | _ARITHMETIC | _FUNCTIONS
_TYPES = {"VARCHAR", "BIGINT", "INT", "INTEGER", "BOOLEAN", "DOUBLE", "DECIMAL(38, 0)"}
_SCHEMAS = ("prim", "telemetry", "projection", "issues", "otlp")
#: How a statement begins; sentences do not begin in capitals.
_BEGINNING = re.compile(r"\s*(?:SELECT|WITH|INSERT|DELETE|UPDATE|CREATE|COPY|MERGE)\b")
#: Escapes, then sets of characters, of a pattern: what is left stands for itself or is an operator.
_ESCAPE = re.compile(r"\\(?:x\{[0-9a-f]+\}|.)")
_SET = re.compile(r"\[\^?\]?[^\]]*\]")
_BAD_PATTERN = {
    r"\\[sSwWpP]": "class that engines read differently",
    r"\\[bBvVhHRXGQE]": "an escape that engines read differently",
    r"(?<!\\)\$": "$, which some engines let match before a last line break: use \\z",
    r"\(\?[=!<]": "lookaround",
    r"\(\?[a-zA-Z^-]": "flags, which mean other letters in each engine",
    r"\[:": "a POSIX class, which some engines read as a set of characters",
}


def rules() -> dict[str, SqlFile]:
    """Return the files that must keep to the subset, by name."""
    files = {file.name: file for file in load_sql_files()}
    found = {
        file.name
        for file in files.values()
        if file.path.parent.name in ("gaps", "issues", "projection") or file.table_name in _RULE_VIEWS
    }
    called = set(found)
    while called:
        called = {name for caller in called for name in files[caller].calls}
        called = {name for name in called if not name.startswith("prim.")} - found
        found |= called
    return {name: file for name, file in files.items() if name in found}


def staging_statements() -> list[tuple[str, str]]:
    """Return every statement in the modules of staging with the name of its module and its line.

    What is put into a statement between braces is left out, as ``x``.
    """
    found = []
    for module in (staging, hidden_memory, phase_spans):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        inside = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
        }
        for node in ast.walk(tree):
            text = _text_of(node)
            if text is not None and id(node) not in inside and _BEGINNING.match(text):
                found.append((f"{Path(module.__file__).name}:{node.lineno}", text))
    return found


def _text_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(part) or "x" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def violations(statement: str) -> list[str]:
    """Return what a CREATE statement or a SELECT says that a second engine may not, in order, each once."""
    try:
        tree = sqlglot.parse_one(statement, read="duckdb")
    except sqlglot.ParseError:
        return ["opaque statement: cannot be parsed"]
    return list(dict.fromkeys(_violations(tree)))


def _violations(tree: exp.Expression) -> Iterator[str]:
    if not isinstance(tree, exp.Create | exp.Query) or tree.find(exp.Command):
        yield f"opaque statement: {type(tree).__name__}"
        return
    allowed = _ALLOWED | _STATEMENTS if isinstance(tree, exp.Query) else _ALLOWED
    if isinstance(tree.this, exp.UserDefinedFunction) and not isinstance(tree.expression, exp.Paren):
        yield "macro body without parentheses"
    for node in tree.walk():
        kind = type(node).__name__
        if kind == "Anonymous":
            yield from _violations_of_call(node)
        elif kind not in allowed:
            yield f"not allowed: {kind}"
        elif check := _CHECKS.get(kind):
            yield from check(node)


def _violations_of_call(node: exp.Expression) -> Iterator[str]:
    called = node.name
    if isinstance(node.parent, exp.Dot):
        called = f"{node.parent.this.name}.{node.name}"
    if called not in {file.name for file in load_sql_files() if file.kind == "MACRO"}:
        yield f"not allowed: {called}()"


def _violations_of_order(node: exp.Expression) -> Iterator[str]:
    is_result = isinstance(node.parent, exp.Select) and node.parent.parent is None
    if not isinstance(node.parent, exp.Window) and not is_result:
        yield "order outside a window"


def _violations_of_limit(node: exp.Expression) -> Iterator[str]:
    if node.expression.name != "0":
        yield "limit: which rows, each engine chooses"


def _violations_of_list(node: exp.Expression) -> Iterator[str]:
    if not isinstance(node.parent, exp.ArraySort):
        yield "list that is not sorted"
    else:
        yield "sorted list that may hold NULL"


def _violations_of_join(node: exp.Expression) -> Iterator[str]:
    if node.args.get("kind") not in (None, "", "INNER") or node.args.get("side") not in (None, "", "LEFT"):
        yield f"join of kind {node.args.get('side') or ''}{node.args.get('kind') or ''}"
    if node.args.get("method"):
        yield f"join of kind {node.args['method']}"
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


def _violations_of_column(node: exp.Expression) -> Iterator[str]:
    if node.name == "rowid":
        yield "number of a row"


def _violations_of_table(node: exp.Expression) -> Iterator[str]:
    # A text in the place of a name is a file; functions that make tables are calls and refused as such.
    if not isinstance(node.this, exp.Identifier) or node.this.quoted:
        yield f"table that is no name: {node.sql(dialect='duckdb')}"


def _violations_of_union(node: exp.Expression) -> Iterator[str]:
    if node.args.get("by_name"):
        yield "union by name"


def _violations_of_star(node: exp.Expression) -> Iterator[str]:
    if any(node.args.get(key) for key in ("except_", "except", "replace", "rename")):
        yield "star without some columns"


def _violations_of_group(node: exp.Expression) -> Iterator[str]:
    if node.args.get("all") or any(node.args.get(key) for key in ("cube", "rollup", "grouping_sets")):
        yield "group by something else than expressions"


def _violations_of_select(node: exp.Expression) -> Iterator[str]:
    """Find names of results in conditions: some engines know them there, others do not."""
    aliases = {
        item.alias
        for item in node.expressions
        if isinstance(item, exp.Alias)
        and item.alias not in {column.name for column in item.this.find_all(exp.Column)}
    }
    for key in ("where", "group", "having"):
        clause = node.args.get(key)
        for column in () if clause is None else clause.find_all(exp.Column):
            if not column.table and column.name in aliases and column.find_ancestor(exp.Select) is node:
                yield f"name of a result in {key.upper()}: {column.name}"


def _violations_of_row_number(node: exp.Expression) -> Iterator[str]:
    window = node.parent
    if not isinstance(window, exp.Window) or window.args.get("order") is None:
        yield "row_number() without an order"


def _violations_of_lower(node: exp.Expression) -> Iterator[str]:
    yield "lower() of other alphabets"


def _violations_of_part(node: exp.Expression) -> Iterator[str]:
    """Find positions and lengths that are not plainly at least 1 and 0."""
    start, length = node.args.get("start"), node.args.get("length")
    if isinstance(node, exp.Left):
        length = node.expression
    elif not _is_number(start, at_least=1):
        yield "position that may be below 1"
    if length is not None and not _is_number(length, at_least=0):
        yield "length that may be negative"


def _violations_of_split(node: exp.Expression) -> Iterator[str]:
    delimiter = node.args.get("delimiter")
    if not (isinstance(delimiter, exp.Literal) and delimiter.is_string and delimiter.name):
        yield "separator that may be empty"
    if not _is_number(node.args.get("part_index"), at_least=1):
        yield "position that may be below 1"


def _is_number(node: exp.Expression | None, at_least: int) -> bool:
    return (
        isinstance(node, exp.Literal)
        and not node.is_string
        and node.name.isdigit()
        and int(node.name) >= at_least
    )


def _violations_of_pattern(node: exp.Expression) -> Iterator[str]:
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and pattern.args["is_string"]):
        yield "pattern that is not a literal"
        return
    for bad, why in _BAD_PATTERN.items():
        if re.search(bad, pattern.name):
            yield f"pattern with {why}"
    rest = _ESCAPE.sub("", pattern.name)
    sets = _SET.findall(rest)
    if "." in _SET.sub("", rest):
        yield "pattern with a dot, which leaves out other line ends in each engine"
    if any("&&" in found or "[" in found[1:] for found in sets):
        yield "pattern with a set within a set"
    if isinstance(node, exp.RegexpReplace):
        modifiers, replacement = node.args.get("modifiers"), node.args.get("replacement")
        if modifiers is None or modifiers.name != "g":
            yield "replacement without 'g'"
        if not isinstance(replacement, exp.Literal) or re.search(r"[\\$]", replacement.name):
            yield "back-reference in a replacement"


def _violations_of_function(node: exp.Expression) -> Iterator[str]:
    if any(not isinstance(parameter, exp.Identifier) for parameter in node.expressions):
        yield "parameter with a default"


_CHECKS = {
    "ArrayAgg": _violations_of_list,
    "CTE": _violations_of_cte,
    "Column": _violations_of_column,
    "DataType": _violations_of_type,
    "Div": _violations_of_division,
    "Group": _violations_of_group,
    "Join": _violations_of_join,
    "Left": _violations_of_part,
    "Limit": _violations_of_limit,
    "Literal": _violations_of_literal,
    "Lower": _violations_of_lower,
    "Order": _violations_of_order,
    "RegexpFullMatch": _violations_of_pattern,
    "RegexpReplace": _violations_of_pattern,
    "RowNumber": _violations_of_row_number,
    "Select": _violations_of_select,
    "SplitPart": _violations_of_split,
    "Star": _violations_of_star,
    "Substring": _violations_of_part,
    "Sum": _violations_of_sum,
    "Table": _violations_of_table,
    "Union": _violations_of_union,
    "UserDefinedFunction": _violations_of_function,
}
