"""Where references lead, and what the text of a file means."""

from __future__ import annotations

import pytest

from chaos_ecs.core.container_settings import ContainerSettings, LogConfiguration, Secret
from chaos_ecs.core.local_files import MissingError, look_up, parsed
from tests.builders import a_container

FILES = {
    "secrets/prod/db": '{"password": "s3cr3t", "port": 5432}',
    "secrets/exact-AbCdEf": "exact",
    "secrets/prod/token": "t0ken\n",
    "s3/config/web.env": "A=1\n",
}
ASM = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
SSM = "arn:aws:ssm:us-east-1:123456789012:parameter/"


def value_of(value_from: str) -> str:
    settings = ContainerSettings(secrets=(Secret("A", value_from),))
    return look_up(a_container(settings=settings), FILES.get).secrets["A"]


@pytest.mark.parametrize(
    ("value_from", "value"),
    [
        (f"{ASM}prod/db-AbCdEf:password::", "s3cr3t"),
        (f"{ASM}prod/db-AbCdEf:port:AWSCURRENT:", "5432"),
        (f"{ASM}prod/db", '{"password": "s3cr3t", "port": 5432}'),
        (f"{ASM}exact-AbCdEf", "exact"),
        (f"{SSM}prod/token", "t0ken"),
        ("/prod/token", "t0ken"),
        ("prod/token", "t0ken"),
    ],
)
def test_a_secret_is_a_file_of_its_name(value_from: str, value: str) -> None:
    assert value_of(value_from) == value


@pytest.mark.parametrize(
    ("value_from", "words"),
    [
        (f"{ASM}prod/db-AbCdEf:user::", "retrieved secret prod/db-AbCdEf did not contain json key user"),
        (f"{ASM}exact-AbCdEf:user::", "did not contain json key user"),
        (f"{ASM}prod/db:password:AWSPREVIOUS:", "of prod/db only the current version is kept here"),
        (f"{ASM}other-AbCdEf", "there is no file secrets/other-AbCdEf or secrets/other in the state folder that can"),
        (f"{ASM}prod/db-secret", "there is no file secrets/prod/db-secret in the state folder"),
        ("../s3/config/web.env", "is no name of a file in secrets"),
        (f"{ASM}..", "is no name of a file in secrets"),
        ("a//b", "is no name of a file in secrets"),
        ("a\\..\\b", "is no name of a file in secrets"),
    ],
)
def test_a_secret_that_cannot_be_had_says_why(value_from: str, words: str) -> None:
    with pytest.raises(MissingError, match="unable to pull secrets or registry auth") as missing:
        value_of(value_from)
    assert words in str(missing.value)


def test_an_environment_file_is_taken_as_docker_takes_it() -> None:
    text = '# comment\n\nA=1\n  B=2\nC=a=b\nD="quoted"\nE=\nlonely\n # F=6\n'
    assert parsed(text) == {"A": "1", "B": "2", "C": "a=b", "D": '"quoted"', "E": ""}
    assert parsed("A=one\x0ctwo\u2028three\r\nB=2") == {"A": "one\x0ctwo\u2028three", "B": "2"}


def test_options_of_a_log_driver_can_be_secret() -> None:
    log = LogConfiguration("splunk", (), (Secret("splunk-token", "prod/token"),))
    assert look_up(a_container(settings=ContainerSettings(log=log)), FILES.get).log_options == {"splunk-token": "t0ken"}


def test_what_refers_to_nothing_reads_nothing() -> None:
    def read(path: str) -> str:
        raise AssertionError(path)

    assert look_up(a_container(), read).secrets == {}
