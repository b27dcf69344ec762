# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.explaining.asking import (
    STATEMENTS as STATEMENTS,
    Store as Store,
)
from stormlog.explaining.budgets import (
    Budget as Budget,
    BudgetResult as BudgetResult,
    BudgetScope as BudgetScope,
    WorstRank as WorstRank,
    check_budgets as check_budgets,
    parse_budget as parse_budget,
)
from stormlog.explaining.diff import (
    WantedRun as WantedRun,
    compare_runs as compare_runs,
)
from stormlog.explaining.diff_models import (
    CHANGES as CHANGES,
    PEAK_METRICS as PEAK_METRICS,
    ComparedRun as ComparedRun,
    IssueChange as IssueChange,
    IssueHits as IssueHits,
    PeakChange as PeakChange,
    PhasePeak as PhasePeak,
    RunDiff as RunDiff,
)
from stormlog.explaining.explain import (
    explain as explain,
)
from stormlog.explaining.history import (
    MemoryHistory as MemoryHistory,
    SeriesHistory as SeriesHistory,
    memory_history as memory_history,
)
from stormlog.explaining.issue_accounts import (
    find_fingerprint as find_fingerprint,
    issue_account as issue_account,
    accounts_of_issues as accounts_of_issues,
)
from stormlog.explaining.issue_models import (
    EvidencePlace as EvidencePlace,
    IssueAccount as IssueAccount,
    IssueException as IssueException,
    IssueRun as IssueRun,
    TrendBucket as TrendBucket,
    ValueCount as ValueCount,
    ValueSpread as ValueSpread,
    VersionRange as VersionRange,
)
from stormlog.explaining.issue_rules import (
    IssueRule as IssueRule,
    RuleSql as RuleSql,
    rule_of as rule_of,
)
from stormlog.explaining.models import (
    COMPONENTS as COMPONENTS,
    MOST_OTHER_RUNS as MOST_OTHER_RUNS,
    CommandExit as CommandExit,
    EarlierGrowth as EarlierGrowth,
    Explanation as Explanation,
    ExplainedRun as ExplainedRun,
    FirstFailure as FirstFailure,
    MemoryAccount as MemoryAccount,
    NearFull as NearFull,
    OddRank as OddRank,
    OtherRun as OtherRun,
    PriorHits as PriorHits,
    RankState as RankState,
    SameIssue as SameIssue,
)
from stormlog.explaining.plain_fields import (
    TIME_TEXTS as TIME_TEXTS,
)
from stormlog.explaining.timeline_models import (
    MemoryTimeline as MemoryTimeline,
    PhaseBand as PhaseBand,
    TimelineMark as TimelineMark,
    TimelinePoint as TimelinePoint,
    TimelineSeries as TimelineSeries,
)
from stormlog.explaining.timelines import (
    coarser_timeline as coarser_timeline,
)
