"""Why a run failed: the account of one attempt, made of the public views."""
