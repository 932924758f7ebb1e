"""The report for programs: the result itself."""

import json
from collections.abc import Mapping
from typing import Any


def render(result: Mapping[str, Any]) -> str:
    """``result`` as JSON text, ASCII only: nothing in it can steer a terminal.

    Raises ValueError where a number is infinite or NaN; the contract has null for those.
    """
    text = json.dumps(result, allow_nan=False, indent=2)
    return text.replace("\x7f", "\\u007f") + "\n"
