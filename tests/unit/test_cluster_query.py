"""The cluster query language: what an expression selects, what is refused and where, and that no pattern is slow."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_ecs.core.cluster_query import DEEPEST_NESTING, parse
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.patterns import Pattern, PatternError
from tests.unit.placing_room import arn_of, instances, tasks

HOSTS = instances(
    "a1(type=t2.small agent=1.14.4) a2(type=t2.medium stack=prod agent=1.14.5 offline) "
    "b1(type=g2.2xlarge stack=test rank=9 agent=1.80.0) b2(type=g2.8xlarge rank=10 ssd= agent=v1.9) c1(stack=prod)"
)
"""Registered at 1001, 1002, ... seconds after the epoch."""

TASKS = tasks("a1=service:production,database a2=database b1=service:web,service:web b2=service:web~ c1=family:job")

SELECTED = [
    # Developer Guide's own examples
    ("attribute:ecs.instance-type == t2.small", "a1"),
    ("attribute:ecs.availability-zone in [us-east-1a, us-east-1b]", "a1 a2 b1 b2"),
    ("attribute:ecs.instance-type =~ g2.* and attribute:ecs.availability-zone != us-east-1d", "b1 b2"),
    ("task:group == service:production", "a1"),
    ("not(task:group == database)", "b1 b2 c1"),
    ("runningTasksCount == 1", "a2 c1"),
    ("agentVersion < 1.14.5", "a1 b2"),
    ("registeredAt < 2018-02-13", "a1 a2 b1 b2 c1"),
    ("ec2InstanceId in ['i-a1', 'i-c1']", "a1 c1"),
    # attributes
    ("attribute:stack equals prod", "a2 c1"),
    ("attribute:stack != prod", "b1"),
    ("not attribute:stack == prod", "a1 b1 b2"),
    ("attribute:stack exists", "a2 b1 c1"),
    ("attribute:stack !exists", "a1 b2"),
    ("attribute:stack not_exists", "a1 b2"),
    ("attribute:ssd exists", "b2"),
    ("attribute:stack !in [prod]", "b1"),
    ("attribute:stack not_in [prod, dev]", "b1"),
    ("attribute:rank > 9", "b2"),
    ("attribute:rank >= 9", "b1 b2"),
    ("attribute:rank less_than 10", "b1"),
    ("attribute:stack > prod", "b1"),
    ("attribute:stack=='prod'", "a2 c1"),
    ('attribute:stack in ["prod",test]', "a2 b1 c1"),
    # patterns
    ("attribute:ecs.instance-type matches t2.*", "a1 a2"),
    ("attribute:ecs.instance-type =~ t2", ""),
    ("attribute:ecs.instance-type !~ t2.*", "b1 b2 c1"),
    ("attribute:ecs.instance-type =~ (t2|g2)\\..*", "a1 a2 b1 b2"),
    ("(attribute:ecs.instance-type =~ (t2|g2)\\..*)", "a1 a2 b1 b2"),
    ("attribute:ecs.instance-type =~ 'g2\\.\\dxlarge' && attribute:rank == 9", "b1"),
    ("attribute:ecs.instance-type =~ [^g].+", "a1 a2 c1"),
    ("attribute:ecs.availability-zone =~ us-(east|west)-1[ac]", "a1 a2 c1"),
    ("ec2InstanceId =~ i-[a-b]1", "a1 b1"),
    ("ec2InstanceId =~ i-(a1)?b?2?", "a1 b2"),
    ("attribute:ecs.instance-type =~ t2.*&&attribute:stack exists", "a2"),
    ("attribute:ecs.instance-type =~ t2.*||attribute:rank exists", "a1 a2 b1 b2"),
    # what runs there
    ("task:group =~ service:.*", "a1 b1"),
    ("task:group != database", "a1 b1 c1"),
    ("task:group in [database, family:job]", "a1 a2 c1"),
    ("task:group !exists", "b2"),
    ("runningTasksCount <= 1", "a2 b2 c1"),
    ("runningTasksCount greater_than 1", "a1 b1"),
    # the others
    ("agentConnected == false", "a2"),
    ("agentConnected != false", "a1 b1 b2 c1"),
    ("agentVersion >= 1.14.5", "a2 b1 c1"),
    ("agentVersion == 1.80", "b1 c1"),
    ("registeredAt == 1970-01-01T00:16:43Z", "b1"),
    ("registeredAt > 1970-01-01T00:16:43", "b2 c1"),
    ("registeredAt <= 1970-01-01T01:16:43+01:00", "a1 a2 b1"),
    ("registeredAt >= 1969-12-31T23:46:43-00:30", "b1 b2 c1"),
    # put together
    ("attribute:stack == prod or attribute:stack == test and attribute:rank == 10", "a2 c1"),
    ("(attribute:stack == prod || attribute:stack == test) && attribute:rank == 9", "b1"),
    ("!(attribute:stack exists) and !!(attribute:ecs.os-type == linux)", "a1 b2"),
    ("not not attribute:stack == prod", "a2 c1"),
    ("  ( ( attribute:stack==prod ) )  ", "a2 c1"),
    ("attribute:stack==prod&&agentConnected==true", "c1"),
    (" or ".join(["attribute:ecs.instance-type =~ t2\\..*"] * 40), "a1 a2"),
]

REFUSED = [
    ("", "a subject is expected, at character 1"),
    ("   ", "a subject is expected, at character 4"),
    ("stack == prod", "there is no subject 'stack', at character 1"),
    ("attribute == prod", "there is no subject 'attribute', at character 1"),
    ("attribute: == prod", "'' is no name of an attribute, at character 1"),
    (f"attribute:{'x' * 129} exists", "is no name of an attribute, at character 1"),
    ("task:family == x", "there is no subject 'task:family', at character 1"),
    ("attribute:stack", "an operator is expected, at character 16"),
    ("attribute:stack = prod", "an operator is expected, at character 17"),
    ("attribute:stack like prod", "there is no operator 'like', at character 17"),
    ("attribute:stack ==", "a value is expected, at character 19"),
    ("attribute:stack == ''", "a value is expected, at character 20"),
    ("attribute:stack == 'prod", "' is not closed, at character 20"),
    ("attribute:stack == prod dev", "'and' or 'or' is expected, at character 25"),
    ("notattribute:stack == prod", "there is no subject 'notattribute:stack', at character 1"),
    ("agentConnected == true andagentConnected == true", "'and' or 'or' is expected, at character 24"),
    ("attribute:stack == prod and", "a subject is expected, at character 28"),
    ("and attribute:stack == prod", "there is no subject 'and', at character 1"),
    ("(attribute:stack == prod", "')' is expected, at character 25"),
    ("attribute:stack == prod)", "'and' or 'or' is expected, at character 24"),
    ("attribute:stack in prod", "'[' is expected, at character 20"),
    ("attribute:stack in []", "a value is expected, at character 21"),
    ("attribute:stack in [prod dev]", "',' or ']' is expected, at character 26"),
    ("agentVersion =~ 1.*", "'=~' is no operator for agentVersion, at character 14"),
    ("agentVersion == latest", "'latest' cannot be compared with agentVersion, at character 17"),
    ("agentConnected > false", "'>' is no operator for agentConnected, at character 16"),
    ("ec2InstanceId exists", "'exists' is no operator for ec2InstanceId, at character 15"),
    ("runningTasksCount == many", "'many' cannot be compared with runningTasksCount, at character 22"),
    ("runningTasksCount in [1, 2]", "'in' is no operator for runningTasksCount, at character 19"),
    ("registeredAt < yesterday", "'yesterday' cannot be compared with registeredAt, at character 16"),
    ("registeredAt < 2018-02-30", "'2018-02-30' cannot be compared with registeredAt, at character 16"),
    ("registeredAt < 2018-02-01T24:00:00", "cannot be compared with registeredAt, at character 16"),
    ("task:group > a", "'>' is no operator for task:group, at character 12"),
    ("attribute:a =~", "a pattern is expected, at character 15"),
    ("attribute:a =~ (?i)t2.*", "'(?' is supported as '(?:' only, at character 16"),
    ("attribute:a =~ (a)\\1", "'\\1' is not supported, at character 16"),
    ("attribute:a =~ (?=a)a", "'(?' is supported as '(?:' only, at character 16"),
    ("attribute:a =~ *", "'*' repeats nothing, at character 16"),
    ("attribute:a =~ a++", "a quantifier follows another, at character 16"),
    ("attribute:a =~ [z-a]", "'z-a' is no range, at character 16"),
    ("attribute:a =~ [abc", "it ends too early, at character 16"),
    ("attribute:a =~ a{2,1}", "'{' counts backwards, at character 16"),
    ("attribute:a =~ a{x}", "'{' is no number of repetitions, at character 16"),
    ("attribute:a =~ (a", "'(' is not closed, at character 16"),
    ("attribute:a =~ a\\", "it ends too early, at character 16"),
    ("attribute:a =~ a{251}", "the pattern is too large, at character 16"),
    ("attribute:a =~ ((a{30}){30}){30}", "the pattern is too large, at character 16"),
    ("attribute:a =~ " + "(" * 21 + "a" + ")" * 21, "groups are nested too deeply, at character 16"),
    (" or ".join(["attribute:a =~ a{150}"] * 3), "its patterns are too large, at character 66"),
    ("(" * 21 + "attribute:a exists" + ")" * 21, "parentheses are nested too deeply, at character 22"),
    ("attribute:a exists and " * 90 + "attribute:b exists", "it has 2088 characters, and 2000 is the most"),
]


def selected(expression: str) -> str:
    query = parse(expression)
    groups: dict[str, dict[str, int]] = {host.arn: {} for host in HOSTS}
    for task in TASKS:
        if task.is_wanted:
            of_host = groups[task.instance_arn]
            of_host[task.group] = of_host.get(task.group, 0) + 1
    return " ".join(host.name for host in HOSTS if query.holds(host, groups[arn_of(host.name)]))


@pytest.mark.parametrize(("expression", "expected"), SELECTED, ids=[row[0] for row in SELECTED])
def test_an_expression_selects(expression: str, expected: str) -> None:
    assert expected == selected(expression)


@pytest.mark.parametrize(("expression", "expected"), REFUSED, ids=[row[0][:40] for row in REFUSED])
def test_a_bad_expression_is_refused_with_the_place_where_it_goes_wrong(expression: str, expected: str) -> None:
    with pytest.raises(InvalidParameterException) as refused:
        parse(expression)
    assert refused.value.message.startswith("Invalid constraint expression")
    assert refused.value.message.endswith(f"{expected}.")


def test_every_row_is_written_once() -> None:
    for rows in (SELECTED, REFUSED):
        assert len(rows) >= 40
        assert len({row[0] for row in rows}) == len(rows)


@given(st.text(alphabet="ab()[]!&|=~<> '\"\\,.*{}1not attribute:x in exists", max_size=60))
def test_any_text_is_an_expression_or_refused_as_none(text: str) -> None:
    try:
        selected(text)
    except InvalidParameterException as refused:
        assert refused.message.startswith("Invalid constraint expression")  # noqa: PT017


def test_nesting_that_is_allowed_is_understood() -> None:
    assert selected("(" * DEEPEST_NESTING + "attribute:stack == prod" + ")" * DEEPEST_NESTING) == "a2 c1"
    assert selected(" or ".join(["(attribute:stack == prod)"] * 2 * DEEPEST_NESTING)) == "a2 c1"
    assert selected("ec2InstanceId =~ i-a1" + "(x)?" * 2 * DEEPEST_NESTING) == "a1"
    assert selected("!" * 1900 + "(attribute:stack == prod)") == "a2 c1"


# --- patterns ---

_ONE = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[a-c]", "[a-]", "\\w", "\\d", "\\D", "\\.", "-", "1"])
_QUANTIFIER = st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "{0}", "*?", "+?"])


def _larger(patterns: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(patterns, patterns).map("".join),
        st.tuples(patterns, patterns).map(lambda parts: f"({parts[0]}|{parts[1]})"),
        st.tuples(patterns, _QUANTIFIER).map(lambda parts: f"(?:{parts[0]}){parts[1]}"),
        patterns.map(lambda part: f"({part}|)"),
    )


@given(st.recursive(_ONE, _larger, max_leaves=8), st.text(alphabet="ab1.-c", max_size=8))
def test_a_pattern_matches_what_pythons_own_would(pattern: str, text: str) -> None:
    try:
        ours = Pattern(pattern)
    except PatternError as refused:
        assert str(refused) == "the pattern is too large"  # noqa: PT017
    else:
        assert ours.matches(text) == bool(re.fullmatch(pattern, text))


@given(st.data(), st.recursive(_ONE, _larger, max_leaves=8))
def test_a_pattern_matches_what_was_made_from_it(data: st.DataObject, pattern: str) -> None:
    text = data.draw(st.from_regex(pattern, fullmatch=True, alphabet="ab1.-c_"))
    try:
        assert Pattern(pattern).matches(text)
    except PatternError as refused:
        assert str(refused) == "the pattern is too large"  # noqa: PT017


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "((a*)*)*b", "(.*a){50}b", "(a?){60}a{60}b", "(a|aa)+b"])
def test_a_pattern_that_other_engines_never_end_with_is_matched(pattern: str) -> None:
    """With Python's own `re` this test would run for ages: it is its coming to an end that counts."""
    assert not Pattern(pattern).matches("a" * 128)
