"""Pages of a list, with ECS's page sizes and an opaque nextToken.

A token says after which key to go on, so what comes and goes between two pages neither repeats nor skips the rest.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from chaos_ecs.core.errors import EcsError, InvalidParameterException

LARGEST_PAGE = 100
"""API_ListTasks and the other lists: maxResults is 1 to 100."""

Key = int | str | tuple[str, int]


def page(
    params: Mapping[str, Any],
    name: str,
    items: Sequence[tuple[Key, Any]],
    *,
    size: int = 100,
    largest: int = LARGEST_PAGE,
    descending: bool = False,
    refusal: type[EcsError] = InvalidParameterException,
) -> dict[str, Any]:
    """The page that the request's nextToken and maxResults ask for, as {name: values, nextToken}.

    `items` are (key, value), sorted by key, each key once. `size` is the page when the request says none, `largest` the
    most that it may say. Raises `refusal`.
    """
    wanted = params.get("maxResults", size)
    if not 1 <= wanted <= largest:
        raise refusal(f"maxResults must be between 1 and {largest}.")
    rest = items
    if params.get("nextToken"):
        after = _key_in(params["nextToken"], items, refusal)
        rest = [item for item in items if (item[0] < after if descending else item[0] > after)]  # type: ignore[operator]
    shown = rest[:wanted]
    token = _token_after(shown[-1][0]) if len(rest) > wanted else None
    return {name: [value for _, value in shown], "nextToken": token}


def _token_after(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _key_in(token: str, items: Sequence[tuple[Key, Any]], refusal: type[EcsError]) -> Key:
    try:
        parsed = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, RecursionError):
        raise refusal("Invalid token.") from None
    key: Key = tuple(parsed) if isinstance(parsed, list) else parsed
    if any(_shape(key) != _shape(known) for known, _ in items[:1]):
        raise refusal("Invalid token.")
    return key


def _shape(key: Any) -> Any:
    return [type(part) for part in key] if isinstance(key, tuple) else type(key)
