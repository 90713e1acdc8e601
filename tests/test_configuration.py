"""Settings: what stands in the guide is what there is."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from igrules.errors import UsageError
from igrules.ledger import Ledger
from igrules.web.serving import make_metrics
from igrules.work.clock import Clock
from igrules.work.configuration import Configuration, read_configuration

GUIDE = Path(__file__).parent.parent / "docs" / "operations.md"
FOR_TESTS = {"retry_scale"}
"""Settings that only tests change."""
MEANT = {
    "none": ("", "none"),
    "the machine's": ("",),
    "`master.key` in it": ("",),
    "Meta's": ("https://graph.instagram.com", "https://graph.facebook.com"),
}
_UNITS = {"ms": 1, "s": 1_000, "h": 3_600_000}


def documented() -> dict[str, str]:
    """Each setting of the guide's table, with its default as it stands there."""
    section = GUIDE.read_text().partition("\n## Settings\n")[2].partition("\n## ")[0]
    (table,) = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    found = {}
    for line in table.splitlines()[2:]:
        names, _, defaults, _ = (cell.strip() for cell in line.strip("|").split(" | "))
        words = [word.strip() for word in defaults.split(",")]
        settings = re.findall(r"`(\w+)`", names)
        assert len(settings) == len(words), line
        found.update(zip(settings, words, strict=True))
    return found


def is_default(word: str, value: object) -> bool:
    """Whether this is how the guide writes this value."""
    if word in MEANT:
        return value in MEANT[word]
    word = word.strip("`")
    if isinstance(value, bool):
        return word == str(value).lower()
    if isinstance(value, int) and (time := re.fullmatch(r"(\d+)(ms|s|h)", word)):
        return int(time[1]) * _UNITS[time[2]] == value
    return word == str(value)


def test_the_guide_names_every_setting_with_its_default() -> None:
    defaults = {one.name: one.default for one in dataclasses.fields(Configuration)}
    found = documented()

    wrong = {name: word for name, word in found.items() if not is_default(word, defaults[name])}

    assert set(found) == set(defaults) - FOR_TESTS
    assert wrong == {}


def test_flags_win_over_variables_and_those_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "igrules.toml").write_text('host = "file"\nport = 1\nthreads = 1\n')
    environ = {"IGRULES_HOST": "variable", "PORT": "2", "IGRULES_THREADS": "2"}

    found = read_configuration({"threads": 3, "port": None}, environ, tmp_path)

    assert (found.host, found.port, found.threads) == ("variable", 2, 3)


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("threads", "0", "a whole number from 1 to 64"),
        ("threads", "65", "a whole number from 1 to 64"),
        ("web_threads", "0", "a whole number from 1 to 1,000"),
        ("claim_lanes", "-1", "a whole number from 1 to 1,000"),
        ("linger", "-1", "a whole number from 0 to 1,000"),
        ("port", "99999", "a whole number from 0 to 65,535"),
        # Without a unit these are milliseconds.
        ("quiet", "120", "a duration from 1s to 24h"),
        ("lease", "30", "a duration from 1s to 1h"),
        ("lease", "999999999999d", "a duration from 1s to 1h"),
        ("sweep_every", "1", "a duration from 10ms to 1m"),
        ("backup_every", "1w", "a duration from 1s to 366d"),
    ],
)
def test_a_number_of_no_use_is_refused(name: str, written: str, meant: str, tmp_path: Path) -> None:
    """A worker without threads would say that it is ready, and answer nobody."""
    variable = f"IGRULES_{name.upper()}"

    with pytest.raises(UsageError) as refused:
        read_configuration({}, {variable: written}, tmp_path)

    assert str(refused.value) == f"{variable} is '{written}', which is not {meant}"
    assert refused.value.help == f"set {variable} to {meant}"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('database_url = ["a.db"]', "database_url in {} is '['a.db']', which is not text"),
        ("threads = true", "threads in {} is 'True', which is not a whole number from 1 to 64"),
        ("linger = 2.5", "linger in {} is '2.5', which is not a whole number from 0 to 1,000"),
        ("colour = 1", "unknown setting 'colour' in {}"),
    ],
)
def test_a_line_of_the_file_that_says_nothing_of_use_is_named(
    line: str, words: str, tmp_path: Path
) -> None:
    """The file may stand in a directory above, so its path is named as well."""
    path = tmp_path / "igrules.toml"
    path.write_text(f"{line}\n")

    with pytest.raises(UsageError) as refused:
        read_configuration({}, {}, tmp_path)

    assert str(refused.value) == words.format(path)


@pytest.mark.parametrize("name", ["public_url", "privacy_url", "igl_url", "fbl_url"])
@pytest.mark.parametrize(
    "written", ["bot.example", "ftp://bot.example", "https://[", "https://a:x", "http://a b"]
)
def test_an_address_nobody_can_call_is_refused(name: str, written: str, tmp_path: Path) -> None:
    variable = f"IGRULES_{name.upper()}"

    with pytest.raises(UsageError) as refused:
        read_configuration({}, {variable: written}, tmp_path)

    assert str(refused.value) == f"{variable} is '{written}', which is no address"


@pytest.mark.parametrize("written", ["26.0", "v26", "v26.0/", "latest"])
def test_a_version_of_the_graph_api_that_cannot_be_is_refused(written: str, tmp_path: Path) -> None:
    """Every call would be refused as wrong in itself, and its message lost."""
    with pytest.raises(UsageError, match="which is no version") as refused:
        read_configuration({}, {"IGRULES_GRAPH_VERSION": written}, tmp_path)

    assert refused.value.help == "write it like v26.0"


def test_a_number_may_stand_for_text_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "igrules.toml").write_text("metrics_tenants = 50\n")

    assert read_configuration({}, {}, tmp_path).metrics_tenants == "50"


def test_a_time_zone_nobody_knows_is_refused_at_once(tmp_path: Path) -> None:
    """Else the first client that needs it would find out."""
    with pytest.raises(UsageError, match="the setting 'timezone': 'Foo/Bar'"):
        read_configuration({}, {"IGRULES_TIMEZONE": "Foo/Bar"}, tmp_path)


@pytest.mark.parametrize("written", ["busiest", "-1", "1e3", "٣"])
def test_how_many_tenants_have_a_name_is_a_number_or_none(written: str, ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="metrics_tenants is"):
        make_metrics(Configuration(metrics_tenants=written), ledger, Clock())

    assert make_metrics(Configuration(metrics_tenants="none"), ledger, Clock())


@pytest.mark.parametrize("host", ["https://graph.instagram.com", "https://graph.facebook.com"])
def test_metas_own_hosts_are_never_called_faster_than_they_allow(host: str, tmp_path: Path) -> None:
    environ = {
        "IGRULES_RATE_SCALE": "2",
        "IGRULES_IGL_URL": "http://127.0.0.1:9",
        "IGRULES_FBL_URL": "http://127.0.0.1:9",
    }
    elsewhere = read_configuration({}, environ, tmp_path)

    with pytest.raises(UsageError) as refused:
        read_configuration({}, {**environ, "IGRULES_FBL_URL": host}, tmp_path)

    assert elsewhere.rate_scale == 2
    assert read_configuration({}, {"IGRULES_RATE_SCALE": "0.5"}, tmp_path).rate_scale == 0.5
    assert str(refused.value) == (
        f"IGRULES_RATE_SCALE is '2.0', which is faster than {host.partition('//')[2]} allows"
    )


@pytest.mark.parametrize("written", ["0", "-1", "nan", "inf"])
def test_a_factor_of_nothing_is_refused(written: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"IGRULES_RATE_SCALE is '.*', which is no factor"):
        read_configuration({}, {"IGRULES_RATE_SCALE": written}, tmp_path)
