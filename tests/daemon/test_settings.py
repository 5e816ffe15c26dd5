from pathlib import Path

import pytest

from connectors.mail.settings import MailAccountSettings
from daemon.channels import channels
from daemon.settings import Settings
from daemon.settings_load import Loaded, load
from daemon.settings_problems import Problem, SettingsError


def loaded(folder: Path, text: str = "", **variables: str) -> Loaded:
    if text:
        (folder / "switchboard.toml").write_text(text, encoding="utf-8")
    return load(None, variables, folder)


def problems(folder: Path, text: str = "", **variables: str) -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, text, **variables)
    return caught.value.problems


def settings(folder: Path, text: str = "", **variables: str) -> Settings:
    return loaded(folder, text, **variables).settings


MAIL = '[accounts.support]\naddresses = ["support@example.org"]\n'


def test_without_configuration_everything_is_embedded_and_local(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found.store.embedded
    assert (found.smtp.host, found.smtp.port, found.http.host, found.http.port) == (
        "127.0.0.1",
        2525,
        "127.0.0.1",
        8080,
    )
    assert found.blob_folder == tmp_path / "var" / "blobs"
    assert found.mail_accounts()["support"].addresses == ("support@*",)
    assert found.policies["support"].sender_match == "any"


def test_a_configured_account_matches_only_verified_senders(tmp_path: Path) -> None:
    assert settings(tmp_path, MAIL).policies["support"].sender_match == "verified"


def test_all_mistakes_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    text = """data_dirr = "x"
[smtp]
port = "many"
tls_key = "/no/key.pem"
[http]
prt = 1
[accounts.support]
addresses = ["everything"]
[accounts.Billing]
addresses = ["billing@example.org"]
[accounts.chat]
channel = "pigeon"
"""
    wrong = problems(tmp_path, text, SWITCHBOARD_BUS__PARTITIONS="0")
    found = {(p.key.removesuffix(".0"), p.where.rpartition("/")[2]) for p in wrong}
    assert found == {
        ("data_dirr", "switchboard.toml:1"),
        ("smtp.port", "switchboard.toml:3"),
        ("http.prt", "switchboard.toml:6"),
        ("accounts.support.addresses", "switchboard.toml:8"),
        ("accounts.Billing", "switchboard.toml:9"),
        ("accounts.chat.channel", "switchboard.toml:12"),
        ("bus.partitions", "SWITCHBOARD_BUS__PARTITIONS"),
    }


def test_an_unknown_key_says_what_was_probably_meant(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "[http]\nprot = 1\n")
    assert problem.reason == "there is no such key; did you mean port?"


def test_a_mistake_in_one_section_does_not_hide_those_between_sections(tmp_path: Path) -> None:
    text = MAIL + '[accounts.other]\naddresses = ["support@example.org"]\n[http]\nport = -1\n'
    assert {p.key for p in problems(tmp_path, text)} == {"http.port", "accounts.other.addresses"}


def test_unknown_variables_are_mistakes_but_those_of_the_tests_are_not(tmp_path: Path) -> None:
    settings(tmp_path, SWITCHBOARD_TEST_KAFKA="x:1", SWITCHBOARD_REQUIRE_SERVERS="1", OTHER="y")
    (problem,) = problems(tmp_path, SWITCHBOARD_SMPT__PORT="1")
    assert (problem.where, problem.key) == ("SWITCHBOARD_SMPT__PORT", "smpt")


def test_a_variable_with_one_underscore_too_few_is_told_the_right_name(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, SWITCHBOARD_SMTP_PORT="2626")
    assert problem.where == "SWITCHBOARD_SMTP_PORT"
    assert problem.reason == "there is no such key; did you mean SWITCHBOARD_SMTP__PORT?"


def test_a_bad_address_is_one_mistake_and_no_address_another(tmp_path: Path) -> None:
    (bad,) = problems(tmp_path, '[accounts.support]\naddresses = ["everything"]\n')
    assert bad.reason.startswith("write local@domain")
    (none,) = problems(tmp_path, "[accounts.support]\naddresses = []\n")
    assert none.key == "accounts.support.addresses"
    assert "at least 1" in none.reason


@pytest.mark.parametrize(("text", "line"), [('data_dir = "x"\n[smtp\n', 2), ('a = 1\n\nb = """x\ny', 4)])
def test_what_is_no_toml_is_shown_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.where == f"{tmp_path}/switchboard.toml:{line}"
    assert problem.line == line


def test_the_shortest_patience_is_that_of_the_channels_in_use(tmp_path: Path) -> None:
    assert settings(tmp_path, MAIL).shortest_patience == MailAccountSettings.patience
    assert Settings().shortest_patience is None


def test_a_variable_goes_before_the_file(tmp_path: Path) -> None:
    assert settings(tmp_path, "[smtp]\nport = 1\n", SWITCHBOARD_SMTP__PORT="2626").smtp.port == 2626


@pytest.mark.parametrize("value", ['["a@x.example", "b@x.example"]', "a@x.example, b@x.example"])
def test_lists_come_by_variable_as_json_or_with_commas(tmp_path: Path, value: str) -> None:
    found = settings(
        tmp_path, SWITCHBOARD_ACCOUNTS__DESK__ADDRESSES=value, SWITCHBOARD_ACCOUNTS__DESK__POLICY__TAKES="replies"
    )
    assert found.mail_accounts()["desk"].addresses == ("a@x.example", "b@x.example")
    assert found.policies["desk"].takes == "replies"


def test_broken_json_in_a_variable_is_named(tmp_path: Path) -> None:
    found = problems(tmp_path, SWITCHBOARD_ACCOUNTS__DESK__ADDRESSES="[a@b")
    assert ("SWITCHBOARD_ACCOUNTS__DESK__ADDRESSES", "begins like JSON but is none") in {
        (p.where, p.reason) for p in found
    }


def test_a_secret_is_shown_neither_by_its_section_nor_by_a_mistake(tmp_path: Path) -> None:
    found = settings(tmp_path, SWITCHBOARD_STORE__URL="postgresql://u:hunter2@h/db")
    assert "hunter2" not in repr(found)
    wrong = problems(tmp_path, '[store]\nurl = "postgresql://u:hunter2@h"\nconnections = "hunter2"\n')
    assert "hunter2" not in "".join(p.plain() for p in wrong)


@pytest.mark.parametrize("url", ["hunter2", "postgresql://u:hunter2@[h/db", "postgresql://u:hunter2@h:port:1/db?x=1"])
def test_what_is_no_connection_string_is_a_mistake_that_does_not_repeat_it(tmp_path: Path, url: str) -> None:
    (problem,) = problems(tmp_path, SWITCHBOARD_STORE__URL=url)
    assert (problem.key, problem.where) == ("store.url", "SWITCHBOARD_STORE__URL")
    assert "postgresql://USER@HOST" in problem.reason
    assert "hunter2" not in problem.plain()


@pytest.mark.parametrize("inside", ["", "/deeper/still"])
def test_a_file_where_a_folder_shall_be_is_a_mistake(tmp_path: Path, inside: str) -> None:
    (tmp_path / "file").write_text("")
    place = f"{tmp_path}/file{inside}"
    found = problems(tmp_path, f'data_dir = "{place}"\n[blobs]\npath = "{place}"\n')
    assert [(p.key, p.reason) for p in found] == [
        (key, f"{tmp_path}/file is not a folder") for key in ("data_dir", "blobs.path")
    ]


def test_a_wildcard_account_is_refused_on_a_public_listener(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[smtp]\nhost = "0.0.0.0"\n')
    assert problem.key == "accounts"
    assert "no account is set" in problem.reason


KAFKA = '[bus]\nengine = "kafka"\n[bus.kafka]\nbootstrap_servers = ["k:9092"]\nreplication_factor = {factor}\n'


def test_kafka_with_local_blobs_is_refused(tmp_path: Path) -> None:
    assert "blobs.shared" in {p.key for p in problems(tmp_path, KAFKA.format(factor=3)) if p.level == "error"}


def test_a_single_copy_of_the_log_is_warned_of(tmp_path: Path) -> None:
    text = KAFKA.format(factor=1) + "min_insync_replicas = 1\n[blobs]\nshared = true\n"
    warnings = loaded(tmp_path, text).warnings
    assert any("replication_factor" in p.reason and p.where.endswith(":3") for p in warnings)


def test_kafka_without_servers_says_which_key_is_missing(tmp_path: Path) -> None:
    assert "bus.kafka.bootstrap_servers" in {p.key for p in problems(tmp_path, '[bus]\nengine = "kafka"\n')}


def test_the_kafka_engine_can_be_set_by_variables_alone(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        SWITCHBOARD_BUS__ENGINE="kafka",
        SWITCHBOARD_BUS__KAFKA__BOOTSTRAP_SERVERS="a:9092,b:9092",
        SWITCHBOARD_BLOBS__SHARED="true",
    )
    assert found.bus.kafka is not None
    assert getattr(found.bus.kafka, "bootstrap_servers", None) == ("a:9092", "b:9092")


def test_a_scope_that_is_another_account_with_another_scope_is_refused(tmp_path: Path) -> None:
    account = '[accounts.{0}]\naddresses = ["{0}@x.example"]\nscope = "{1}"\n'
    text = account.format("a", "b") + account.format("b", "c")
    assert [p.key for p in problems(tmp_path, text)] == ["accounts.a.scope"]


@pytest.mark.parametrize(("text", "reason"), [("[smtp\n", "is not TOML"), ("\xff", "is not UTF-8")])
def test_a_file_that_cannot_be_read_is_one_clear_mistake(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "switchboard.toml").write_bytes(text.encode("latin-1"))
    (problem,) = problems(tmp_path)
    assert reason in problem.reason


def test_a_named_file_that_is_missing_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no\.toml: cannot be read"):
        load(tmp_path / "no.toml", {}, tmp_path)


def test_relative_folders_count_from_where_the_daemon_starts(tmp_path: Path) -> None:
    found = settings(tmp_path, 'data_dir = "data"\n[blobs]\npath = "files"\n')
    assert (found.data_dir, found.blob_folder) == (tmp_path / "data", tmp_path / "files")


def test_channels_are_found_in_their_folder() -> None:
    assert channels()["mail"].settings is MailAccountSettings
    assert channels()["mail"].title


def test_a_variable_sets_a_key_of_an_account_that_the_file_writes_with_dashes(tmp_path: Path) -> None:
    file = tmp_path / "switchboard.toml"
    file.write_text('[accounts.shop-bot]\nchannel = "telegram"\n', encoding="utf-8")
    environment = {"SWITCHBOARD_ACCOUNTS__SHOP_BOT__TOKEN": "700000001:invented"}
    settings = load(file, environment, tmp_path).settings
    assert list(settings.accounts) == ["shop-bot"]
    assert settings.account("shop-bot").channel == "telegram"


def test_a_variable_that_could_mean_two_accounts_of_the_file_means_neither(tmp_path: Path) -> None:
    file = tmp_path / "switchboard.toml"
    accounts = ("a-b_c", "a_b-c")
    file.write_text("".join(f'[accounts.{name}]\naddresses = ["{name}@x.example"]\n' for name in accounts))
    environment = {"SWITCHBOARD_ACCOUNTS__A_B_C__ADDRESSES": "help@x.example"}
    assert list(load(file, environment, tmp_path).settings.accounts) == [*accounts, "a_b_c"]
