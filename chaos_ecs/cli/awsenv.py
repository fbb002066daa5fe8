"""The environment in which `aws` and boto3 speak to chaos-ecs, in the words of each shell. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chaos_ecs.errors import ChaosEcsError

_STALE = ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE")
"""Left set, they would lead the next command to somebody's real account or nowhere."""


def variables(url: str, access_key_id: str, secret_access_key: str, region: str) -> dict[str, str]:
    """What is to be set. What chaos-ecs has is sent here; with these keys every other service refuses."""
    return {
        "AWS_ENDPOINT_URL_ECS": url,
        "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2": url,
        "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": url,
        "AWS_ENDPOINT_URL_FIS": url,
        "AWS_ENDPOINT_URL_SCHEDULER": url,
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_PAGER": "",
    }


def script(shell: str, values: Mapping[str, str]) -> str:
    """Text for the shell to evaluate. Raises a usage error (exit 2) for a shell we do not know."""
    if shell not in _SHELLS:
        known = ", ".join(_SHELLS)
        raise ChaosEcsError("E-USAGE", f"There is no shell {shell}", f"known: {known}", "chaos-ecs aws-env", 2)
    setting, unsetting = _SHELLS[shell]
    lines = [unsetting(name) for name in _STALE] + [setting(name, value) for name, value in values.items()]
    return "\n".join(lines)


def how_to_use(shell: str) -> str:
    """The command that takes the script in."""
    return {
        "bash": 'eval "$(chaos-ecs aws-env)"',
        "fish": "chaos-ecs aws-env --shell fish | source",
        "powershell": "chaos-ecs aws-env --shell powershell | Out-String | Invoke-Expression",
        "cmd": "for /f \"delims=\" %i in ('chaos-ecs aws-env --shell cmd') do @%i",
    }[shell]


def _single_quoted(value: str, quote: str) -> str:
    return "'" + value.replace("'", quote) + "'"


_SHELLS: dict[str, tuple[Callable[[str, str], str], Callable[[str], str]]] = {
    "bash": (
        lambda name, value: f"export {name}=" + _single_quoted(value, "'\\''"),
        lambda name: f"unset {name}",
    ),
    "fish": (
        lambda name, value: f"set -gx {name} " + _single_quoted(value, "\\'"),
        lambda name: f"set -e {name}",
    ),
    "powershell": (
        lambda name, value: f"$Env:{name} = " + _single_quoted(value, "''"),
        lambda name: f"Remove-Item Env:{name} -ErrorAction SilentlyContinue",
    ),
    "cmd": (
        lambda name, value: f'set "{name}={value}"',
        lambda name: f'set "{name}="',
    ),
}
