"""The environment variables that Stormlog looks at, and what each is for.

Options count more than these, and these more than the configuration file.
"""

from __future__ import annotations

from typing import Final

__all__ = ["VARIABLES"]

#: Name -> meaning.
VARIABLES: Final = {
    "STORMLOG_DB": "the tracker",
    "STORMLOG_CONFIG": "the configuration file, or off",
    "STORMLOG_CACHE": "directory in which to remember what was read, or off",
    "STORMLOG_UNPACK_LIMIT": "most bytes that one packed file may hold, such as 10GB",
    "STORMLOG_CODE_VERSION": "version of the code, where telemetry names none",
    "STORMLOG_USER": "the person whom changes are attributed to",
    "STORMLOG_AGENT": "the agent whom changes are attributed to",
    "STORMLOG_ALLOW": "what may be done with the tracker: issues:read, issues:write, with commas between",
    "STORMLOG_SINK": "directory in which a job that is recorded writes its telemetry",
    "STORMLOG_APP": "name of the program of a job that is recorded",
    "STORMLOG_ENVIRONMENT": "where a job that is recorded runs, such as production or dev",
    "STORMLOG_JOB_ID": "the job that is recorded, where no scheduler names one",
    "STORMLOG_RUN_DIR": "set by stormlog run: where a tracker in its command finds the session that both record",
    "CUDA_VISIBLE_DEVICES": "devices of a job that is recorded",
    "STORMLOG_SMTP_HOST": "mail server for digests; without it mails wait",
    "STORMLOG_SMTP_PORT": "its port, if it is not that of the TLS mode",
    "STORMLOG_SMTP_TLS": "starttls, implicit or none",
    "STORMLOG_SMTP_USER": "who logs in",
    "STORMLOG_SMTP_FROM": "address that mails are from",
    "STORMLOG_SMTP_PASSWORD": "password of the user",
    "STORMLOG_SMTP_PASSWORD_FILE": "file with the password",
    "STORMLOG_WEBHOOK_SECRET": "key of the signature for webhooks",
    "STORMLOG_NOTIFY_TIMEOUT": "seconds that each message of a digest may take",
    "STORMLOG_TRACEBACK": "any value but the empty one: errors show where they come from",
    "NO_COLOR": "any value but the empty one: no colours",
    "TERM": "dumb: no colours and no progress",
    "COLUMNS": "width of tables",
    "TMPDIR": "where large answers spill, and damaged files are repaired",
    "XDG_CACHE_HOME": "above the directory in which is remembered what was read; ~/.cache by default",
    "XDG_DATA_HOME": "above the directory of the tracker; ~/.local/share by default",
    "XDG_STATE_HOME": "above the directory of what the shell remembers; ~/.local/state by default",
    "SSL_CERT_FILE": "certificates of an authority of your own, for mail servers and webhooks",
    "GITHUB_STEP_SUMMARY": "file that gate appends its summary to",
}
