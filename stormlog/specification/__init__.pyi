# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.specification.json_schemas import (
    json_schema as json_schema,
)
