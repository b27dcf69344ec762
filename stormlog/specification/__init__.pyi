# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.specification.docstrings import (
    Docstring as Docstring,
    docstring_of as docstring_of,
)
from stormlog.specification.json_schemas import (
    SomeOf as SomeOf,
    json_schema as json_schema,
)
from stormlog.specification.models import (
    AnswerDescription as AnswerDescription,
    CommandDescription as CommandDescription,
    CommandSpecification as CommandSpecification,
    ExitStatusDescription as ExitStatusDescription,
    FormatDescription as FormatDescription,
    ParameterDescription as ParameterDescription,
    SettingDescription as SettingDescription,
    Specification as Specification,
    ToolDescription as ToolDescription,
    VariableDescription as VariableDescription,
)
from stormlog.specification.tools import (
    tool_descriptions as tool_descriptions,
    tool_schema_names as tool_schema_names,
)
