# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.engine.cursors.cursor import (
    SnapshotCursor as SnapshotCursor,
)
from stormlog.engine.cursors.arrow_rows import (
    arrow_table as arrow_table,
    arrow_value as arrow_value,
    exact_relation as exact_relation,
    grouped_batches as grouped_batches,
    next_batch as next_batch,
)
from stormlog.engine.cursors.explain import (
    plain_statement as plain_statement,
)
from stormlog.engine.cursors.near_names import (
    with_near_names as with_near_names,
)
from stormlog.engine.cursors.read_only import (
    allowed_functions as allowed_functions,
    require_reading_tree as require_reading_tree,
)
from stormlog.engine.cursors.relations import (
    Connection as Connection,
    Relation as Relation,
)
from stormlog.engine.database.connection import (
    connect as connect,
)
from stormlog.engine.database.lazy_schema import (
    Database as Database,
)
from stormlog.engine.database.query_files import (
    is_own_query as is_own_query,
    load_query as load_query,
)
from stormlog.engine.database.settings import (
    Settings as Settings,
)
from stormlog.engine.database.sql_files import (
    SqlFile as SqlFile,
    quote_identifier as quote_identifier,
    quote_literal as quote_literal,
)
from stormlog.engine.engine import (
    Engine as Engine,
)
from stormlog.engine.engines import (
    EngineHolder as EngineHolder,
    require_one as require_one,
)
from stormlog.engine.index.json_files import (
    engine_id as engine_id,
    peek_document as peek_document,
)
from stormlog.engine.index.kept_answers import (
    AnswerFolder as AnswerFolder,
    KeptAnswer as KeptAnswer,
)
from stormlog.engine.index.index_file import (
    Index as Index,
    INDEX_FILE_NAME as INDEX_FILE_NAME,
)
from stormlog.engine.index.location import (
    LAYOUT as LAYOUT,
    cache_root as cache_root,
    index_folder as index_folder,
)
from stormlog.engine.own_tables.files import (
    attached_rows as attached_rows,
)
from stormlog.engine.own_tables.incoming import (
    rows_of as rows_of,
)
from stormlog.engine.own_tables.tables import (
    OwnTable as OwnTable,
    require_free_name as require_free_name,
)
from stormlog.engine.questions import (
    Generation as Generation,
    Question as Question,
    Rows as Rows,
    views_of as views_of,
)
from stormlog.engine.reading.line_sql import (
    IS_JSON as IS_JSON,
    LOOKS_COMPLETE as LOOKS_COMPLETE,
    lines_view as lines_view,
)
from stormlog.engine.reading.parquet_columns import (
    SEGMENT_COLUMNS as SEGMENT_COLUMNS,
    TEXT_COLUMN as TEXT_COLUMN,
    insert_typed_parquet as insert_typed_parquet,
)
from stormlog.engine.reading.read_plan import (
    plan_reading as plan_reading,
)
from stormlog.engine.selective import (
    may_leave_out as may_leave_out,
    scope_of as scope_of,
)
from stormlog.engine.tracked.sqlite_file import (
    SELECT_STATES as SELECT_STATES,
    state_of_row as state_of_row,
)
from stormlog.engine.tracked.states import (
    StateSource as StateSource,
)
from stormlog.engine.view_needs import (
    public_files as public_files,
    view_names as view_names,
)
