"""One log record for an error that was caught here: what it meant, then the traceback as text.

Never hands the error itself to a sink: loguru shows the value of every variable in its frames (``diagnose``, on by
default), and among those are whole account numbers.
"""

from __future__ import annotations

import traceback

from loguru import logger

__all__ = ["log_failure"]


def log_failure(level: str, text: str, error: BaseException) -> None:
    """Log ``text``, as it is, and below it the error's traceback. Raises what a sink raises."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    # As arguments, so that a brace in either is no field; the record names the caller, as filters expect.
    logger.opt(depth=1).log(level, "{}\n{}", text, "".join(lines).rstrip("\n"))
