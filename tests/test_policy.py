import re
from dataclasses import replace
from datetime import date
from pathlib import PurePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.coordinate import Coordinate, parse_coordinate
from verifier.digest import Algorithm
from verifier.errors import ConfigError
from verifier.maven.profile import Context
from verifier.pattern import parse_pattern
from verifier.policy import Engine, KeyServer, KeyServerKind, Limits, MissingPom, Policy, SignatureDemand
from verifier.policy_file import (
    MAX_POLICY_BYTES,
    MAX_RULES,
    MAX_RULES_OF_ONE_ARTIFACT,
    builtin_policy,
    parse_policy,
    with_repository,
)

DEFAULT = "https://repo.example/maven2"
KEY = "0123456789ABCDEF0123456789ABCDEF01234567"
PIN = "sha256/" + "A" * 43 + "="
SHA256 = "ab" * 32

COMPANY = """\
[[repository]]
id = "company"
url = "https://repo.example/releases/"
groups = ["com.example.*"]
"""
EXEMPT = f"""\
[[exempt]]
match = "javax.inject:javax.inject:1"
sha256 = "{SHA256}"
code = "signature-missing"
reason = "never signed"
until = 2027-06-01
"""
TRUST = f"""\
[[trust]]
match = "org.slf4j.*"
keys = ["{KEY}"]
"""


def parse(text: str, file: str = "verifier.toml") -> Policy:
    return parse_policy(text, file, default_repository_url=DEFAULT)


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value


def urls(policy: Policy, group: str) -> list[str]:
    return [one.id for one in policy.repositories_for(group)]


# The default


def test_built_in_policy_is_what_the_interface_says() -> None:
    policy = builtin_policy(DEFAULT + "/")

    assert policy.file is None
    assert [(one.id, one.url) for one in policy.repositories] == [("central", DEFAULT)]
    assert policy.require.signature is SignatureDemand.TRUSTED
    assert policy.require.checksum is Algorithm.SHA1
    assert policy.require.engine is Engine.NATIVE
    assert policy.require.legacy_before == date(2017, 2, 23)
    assert not policy.require.legacy_final
    assert policy.limits == Limits(10, 30, 900, 2 * 1024**3)
    assert policy.starter
    assert [*policy.trust, *policy.exemptions, *policy.rules, *policy.key_files] == []


def test_built_in_policy_refuses_a_default_that_is_not_https() -> None:
    with pytest.raises(ConfigError, match="insecure-transport"):
        builtin_policy("http://repo.example/maven2")


def test_an_empty_file_is_the_default() -> None:
    assert replace(parse("# nothing\n"), file=None) == builtin_policy(DEFAULT)


def test_a_file_extends_the_default_key_by_key() -> None:
    policy = parse('[require]\nchecksum = "sha256"\n[limits]\nstall = "2 h"\nfile = 5\n')

    assert policy.require.checksum is Algorithm.SHA256
    assert policy.require.signature is SignatureDemand.TRUSTED
    assert policy.limits == Limits(10, 7200, 900, 5)


# Repositories


def test_reads_every_key_of_a_repository() -> None:
    policy = parse(
        COMPANY + f'ca-file = "ca.pem"\ntls-pins = ["{PIN}"]\nsnapshots = true\nreleases = false\n'
        'credentials = "env:COMPANY"\n',
        "conf/verifier.toml",
    )

    (one,) = policy.repositories
    assert (one.id, one.url, one.where) == ("company", "https://repo.example/releases", "conf/verifier.toml:1")
    assert one.groups == (parse_pattern("com.example.*"),)
    assert one.ca_file == str(PurePath("conf/ca.pem"))
    assert (one.tls_pins, one.snapshots, one.releases, one.credentials) == ((PIN,), True, False, "env:COMPANY")


def test_repositories_replace_the_list_and_central_alone_brings_it_back() -> None:
    assert [one.id for one in parse(COMPANY).repositories] == ["company"]

    both = parse(COMPANY + '[[repository]]\nid = "central"\n')

    assert [one.url for one in both.repositories] == ["https://repo.example/releases", DEFAULT]


def test_a_bound_group_is_never_asked_elsewhere() -> None:
    policy = parse(
        COMPANY
        + '[[repository]]\nid = "narrow"\nurl = "https://n.example"\ngroups = ["com.example.a.*", "net.example"]\n'
        + '[[repository]]\nid = "second"\nurl = "https://s.example"\ngroups = ["com.example.*"]\n'
        + '[[repository]]\nid = "central"\n[[repository]]\nid = "other"\nurl = "https://o.example"\n'
    )

    assert urls(policy, "com.example.b") == ["company", "second"]
    assert urls(policy, "com.example") == ["company", "second"]
    assert urls(policy, "com.example.a.deep") == ["narrow"]
    assert urls(policy, "net.example") == ["narrow"]
    assert urls(policy, "net.example.deep") == ["central", "other"]
    assert urls(policy, "com.examples") == ["central", "other"]


def test_a_group_that_nobody_serves_has_no_repository() -> None:
    assert urls(parse(COMPANY), "org.example") == []


def test_repository_of_the_command_line_comes_last() -> None:
    policy = with_repository(builtin_policy(DEFAULT), "https://Other.example:8443/m2/", "--repository")

    assert [(one.id, one.url) for one in policy.repositories][1:] == [
        ("other.example", "https://Other.example:8443/m2")
    ]
    assert with_repository(policy, DEFAULT, "--repository") == policy
    for url in ("http://other.example", "https://other.example/second", "https://[::1]/"):
        with pytest.raises(ConfigError, match=r"^--repository: "):
            with_repository(policy, url, "--repository")


@pytest.mark.parametrize(
    "url",
    [
        "https://repo.example",
        "https://repo.example:8443/a/b",
        "https://[2001:db8::1]:8443/",
        "https://127.0.0.1:1/x",
        "https://repo.example/a%20b/~c",
    ],
)
def test_takes_the_address_of_a_repository(url: str) -> None:
    assert parse(f'[[repository]]\nid = "a"\nurl = "{url}"').repositories[0].url == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://repo.example", "not https"),
        ("HTTP://repo.example", "not https"),
        ("ftp://repo.example", "not https"),
        ("repo.example/maven2", "not https"),
        ("https:repo.example", "names no host"),
        ("https://", "names no host"),
        ("https:///maven2", "names no host"),
        ("https://:8443/", "names no host"),
        ("https://.example/", "names no host"),
        ("https://repo.example:0/", "port 0"),
        ("https://repo.example:99999/", "no URL"),
        ("https://repo.example:x/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://user:secret@repo.example/", "user name"),
        ("https://repo.example/?a=b", "query"),
        ("https://repo.example/?", "query"),
        ("https://repo.example/#a", "fragment"),
        ("https://repo.example/a b", "no URL"),
        ("https://repo.example/a\\tb", "no URL"),
        ("https://repo.exämple/", "no URL"),
        ("https://repo.example/../a", "not plain"),
        ("https://repo.example/a\\\\b", "not plain"),
        ("https://repo.example/" + "a" * 3000, "no URL"),
    ],
)
def test_refuses_what_is_no_address_of_a_repository(url: str, problem: str) -> None:
    error = refused(f'[[repository]]\nid = "a"\nurl = "{url}"\n')

    assert problem in error.problem
    assert error.where == "verifier.toml:3"
    assert "secret" not in str(error) + error.hint


def test_a_password_in_a_plain_http_address_is_not_shown() -> None:
    assert "secret" not in str(refused('[[repository]]\nid = "a"\nurl = "http://user:secret@repo.example/"\n'))


@pytest.mark.parametrize("name", ["central-2", "a.b_c", "ALLOW", "..."])
def test_takes_the_id_of_a_repository(name: str) -> None:
    assert parse(COMPANY.replace("company", name)).repositories[0].id == name


@pytest.mark.parametrize("name", ["", ".", "..", "-", "all", "All", "a/b", "a b", "ä", "a\\n", "a" * 256])
def test_refuses_an_id_that_is_no_directory(name: str) -> None:
    assert refused(COMPANY.replace("company", name)).where == "verifier.toml:2"


def test_refuses_two_repositories_of_one_id_whatever_the_case() -> None:
    error = refused(COMPANY + COMPANY.replace("company", "Company"))

    assert error.where == "verifier.toml:6"
    assert "verifier.toml:1" in error.problem


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('groups = ["com.example:a"]', "is no group"),
        ('groups = ["*"]', "match everything"),
        ("groups = []", "is empty"),
        ('groups = ["a", "a"]', "more than once"),
        ('groups = "a"', "an array of strings"),
        ("groups = [1]", "an array of strings"),
        ('tls-pins = ["sha256/AAAA"]', "is no pin"),
        (f'tls-pins = ["{PIN[:-2]}B="]', "is no pin"),
        (f'tls-pins = ["{PIN[7:]}"]', "is no pin"),
        ('tls-pins = ["sha256/ä"]', "is no pin"),
        ('tls-pins = ["sha256/A"]', "is no pin"),
        ('ca-file = ""', "is empty"),
        ('ca-file = "a\\u0000b"', "is no path"),
        ('snapshots = "true"', "true or false"),
        ("releases = false", "neither"),
        ('credentials = "hunter2"', "names no place"),
        ('credentials = "env:"', "names no place"),
        ('credentials = "settings:"', "names no place"),
    ],
)
def test_refuses_what_a_repository_cannot_mean(line: str, problem: str) -> None:
    error = refused(COMPANY.replace('groups = ["com.example.*"]\n', "") + line + "\n")

    assert problem in error.problem
    assert "hunter2" not in str(error)
    assert error.where == "verifier.toml:4"


@pytest.mark.parametrize("place", ["netrc", "env:_A1", "settings:my.server"])
def test_takes_the_places_of_credentials(place: str) -> None:
    assert parse(COMPANY + f'credentials = "{place}"').repositories[0].credentials == place


@pytest.mark.parametrize(("line", "key"), [(1, "id"), (1, "url")])
def test_refuses_a_repository_without_what_it_needs(line: int, key: str) -> None:
    error = refused(re.sub(f"(?m)^{key} = .*$", "", COMPANY))

    assert error.where == f"verifier.toml:{line}"
    assert f"no '{key}'" in error.problem


def test_refuses_an_empty_list_of_repositories() -> None:
    assert "list of repositories is empty" in refused("repository = []").problem


# Rules


def test_the_most_specific_rule_wins_and_lacks_nothing() -> None:
    policy = parse(
        '[require]\nchecksum = "sha256"\n'
        '[[rule]]\nmatch = "org.old.*"\nsignature = "none"\n'
        '[[rule]]\nmatch = "org.old:a"\nchecksum = "sha512"\n'
        '[[rule]]\nmatch = "org.old:a:[1,2)"\nlegacy-before = false\n'
    )

    wide = policy.rule_for(parse_coordinate("org.old.sub:x:1"))
    narrow = policy.rule_for(parse_coordinate("org.old:a:2"))
    final = policy.rule_for(parse_coordinate("org.old:a:1"))
    assert (wide.signature, wide.checksum, wide.where) == (SignatureDemand.NONE, Algorithm.SHA256, "verifier.toml:3")
    assert (narrow.signature, narrow.checksum) == (SignatureDemand.TRUSTED, Algorithm.SHA512)
    assert (final.legacy_before, final.legacy_final, final.checksum) == (None, True, Algorithm.SHA256)
    assert policy.rule_for(parse_coordinate("org.older:a:1")) == policy.require


@pytest.mark.parametrize(
    ("left", "right"),
    [("org.old", "org.old"), ("a:b:1", "a:b:1"), ("a:b:[1,2]", "a:b:[2,3]"), ("a:b:[1]", "a:b:[1.0]")],
)
def test_refuses_two_rules_with_neither_more_specific(left: str, right: str) -> None:
    error = refused(f'[[rule]]\nmatch = "{left}"\n[[rule]]\nmatch = "{right}"\n')

    assert error.where == "verifier.toml:4"
    assert "verifier.toml:1" in error.problem


@pytest.mark.parametrize(
    ("left", "right"),
    [("org.old", "org.old.*"), ("a:b:1", "a:b:1.0"), ("a:b:[1,2)", "a:b:[2,3]"), ("a:b:1", "a:b:[1]")],
)
def test_takes_two_rules_where_one_is_more_specific_or_both_never_meet(left: str, right: str) -> None:
    assert len(parse(f'[[rule]]\nmatch = "{left}"\n[[rule]]\nmatch = "{right}"\n').rules) == 2


@pytest.mark.parametrize("tail", ["", "\nmatch = 1", '\nmatch = "*"', '\nmatch = "a:b:[2,1]"', '\nmatch = "a:b:(1,1)"'])
def test_refuses_a_rule_without_a_pattern_that_can_match(tail: str) -> None:
    assert refused(f"[[rule]]{tail}\n").where == f"verifier.toml:{1 + bool(tail)}"


@pytest.mark.parametrize(
    ("inside", "outside"),
    [("com.example", "org.example"), ("com.*", "org.*"), ("com.example.a:b:1", "com.examples:b:1")],
)
@pytest.mark.parametrize("table", [f'[[trust]]\nkeys = ["{KEY}"]\n', "[[rule]]\n"])
def test_refuses_what_no_repository_serves(table: str, inside: str, outside: str) -> None:
    assert parse(f'{COMPANY}{table}match = "{inside}"')

    error = refused(f'{COMPANY}{table}match = "{outside}"')

    assert "can never match" in error.problem
    assert error.where == f"verifier.toml:{5 + table.count(chr(10))}"


def test_refuses_more_rules_than_the_bound() -> None:
    rules = "".join(f'[[rule]]\nmatch = "org.old{number}"\n' for number in range(MAX_RULES))
    assert len(parse(rules).rules) == MAX_RULES

    assert "at most" in refused(rules + '[[rule]]\nmatch = "org.one-more"\n').problem


def test_refuses_more_rules_of_one_artifact_than_the_bound() -> None:
    rules = "".join(f'[[rule]]\nmatch = "org.old:a:{number}"\n' for number in range(MAX_RULES_OF_ONE_ARTIFACT))
    assert len(parse(rules).rules) == MAX_RULES_OF_ONE_ARTIFACT

    assert "more than" in refused(rules + '[[rule]]\nmatch = "org.old:a:one-more"\n').problem


@pytest.mark.parametrize(
    ("line", "problem", "hint"),
    [
        ('signature = "Trusted"', "cannot be 'Trusted'", "trusted, present-must-be-trusted, none"),
        ("signature = true", "a string", ""),
        ('checksum = "md5"', "never vouch", "sha1"),
        ('checksum = "sha3"', "cannot be", "sha512"),
        ('engine = "gpg"', "cannot be 'gpg'", "gnupg"),
        ('legacy-before = "2017-02-23"', "a date, not '2017-02-23'", "without quotes"),
        ("legacy-before = 2017-02-23T00:00:00Z", "a date", "without a time"),
        ("legacy-before = 10:00:00", "a date", ""),
        ("legacy-before = true", "a date", ""),
        ('minimum-age = "7 days"', "unknown key 'minimum-age'", "known here"),
        ("continuity = true", "unknown key", "known here"),
        ("signatures = 1", "unknown key 'signatures' in [", "did you mean 'signature'?"),
    ],
)
@pytest.mark.parametrize("head", ["[require]", '[[rule]]\nmatch = "org.old"'])
def test_refuses_what_a_rule_cannot_mean(head: str, line: str, problem: str, hint: str) -> None:
    error = refused(f"{head}\n{line}\n")

    assert problem in error.problem
    assert hint in error.hint
    assert error.where == f"verifier.toml:{head.count(chr(10)) + 2}"


def test_the_starter_map_can_be_turned_off_for_all_and_not_by_a_rule() -> None:
    assert not parse("[require]\nstarter = false").starter

    assert "unknown key 'starter'" in refused('[[rule]]\nmatch = "a"\nstarter = false').problem


# Trust


def test_reads_every_key_of_a_trust_entry() -> None:
    spaced = " ".join(KEY.lower()[at : at + 4] for at in range(0, 40, 4))
    policy = parse(
        f'[[trust]]\nmatch = "org.slf4j.*"\nkeys = ["{spaced}", "{"0" * 64}"]\nexact = true\n'
        'legacy-before = 2026-12-01\nexpires = 2027-06-01\norigin = "the site"\nreason = "checked"\n'
    )

    (entry,) = policy.trust_for(parse_coordinate("org.slf4j:slf4j-api:2.0.16"))
    assert entry.keys == (KEY, "0" * 64)
    assert entry.exact
    assert (entry.legacy_before, entry.expires) == (date(2026, 12, 1), date(2027, 6, 1))
    assert (entry.origin, entry.reason, entry.where) == ("the site", "checked", "verifier.toml:1")
    assert (entry.witnesses, entry.kind) == (None, "policy")


def test_trust_entries_add_up() -> None:
    policy = parse(TRUST + TRUST.replace("org.slf4j.*", "org.slf4j:slf4j-api"))

    found = policy.trust_for(parse_coordinate("org.slf4j:slf4j-api:2.0.16"))

    assert [entry.pattern.text for entry in found] == ["org.slf4j:slf4j-api", "org.slf4j.*"]
    assert policy.trust_for(parse_coordinate("org.slf4jx:slf4j-api:2.0.16")) == ()


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("[]", "is empty"),
        (f'"{KEY}"', "an array"),
        (f'["{KEY[-8:]}"]', "anyone can make another"),
        (f'["{KEY[-16:]}"]', "anyone can make another"),
        (f'["{KEY[:-1]}"]', "is no fingerprint"),
        (f'["{KEY}0"]', "is no fingerprint"),
        (f'["0x{KEY}"]', "is no fingerprint"),
        (f'["{KEY[:-1]}G"]', "is no fingerprint"),
        ('[""]', "is no fingerprint"),
        (f'["{KEY}", "{KEY}"]', "more than once"),
        (f'["{KEY}", "{KEY.lower()}"]', "written differently"),
    ],
)
def test_refuses_what_is_no_full_fingerprint(keys: str, problem: str) -> None:
    error = refused(f'[[trust]]\nmatch = "org.slf4j"\nkeys = {keys}\n')

    assert problem in error.problem
    assert error.where == "verifier.toml:3"


def test_refuses_trust_without_keys() -> None:
    assert refused('[[trust]]\nmatch = "org.slf4j"').where == "verifier.toml:1"


def test_refuses_a_final_word_on_legacy_in_a_trust_entry() -> None:
    assert "a date" in refused(TRUST + "legacy-before = false").problem


# Exemptions


def test_exemptions_of_one_file_form_a_set() -> None:
    policy = parse(EXEMPT + EXEMPT.replace(SHA256, "CD" * 32))

    found = policy.exemptions_for(parse_coordinate("javax.inject:javax.inject:1"))

    assert [(one.sha256, one.code, one.until) for one in found] == [
        (SHA256, "signature-missing", date(2027, 6, 1)),
        ("cd" * 32, "signature-missing", date(2027, 6, 1)),
    ]
    assert policy.exemptions_for(parse_coordinate("javax.inject:javax.inject:pom:1")) == ()


def test_an_exemption_may_name_another_file_than_the_jar() -> None:
    policy = parse(EXEMPT.replace("inject:1", "inject:jar:sources:1"))

    assert policy.exemptions_for(parse_coordinate("javax.inject:javax.inject:jar:sources:1"))


@pytest.mark.parametrize("key", ["match", "sha256", "code", "reason", "until"])
def test_refuses_an_exemption_that_lacks_anything(key: str) -> None:
    error = refused(re.sub(f"(?m)^{key} = .*$", "", EXEMPT))

    assert error.where == "verifier.toml:1"
    assert f"no '{key}'" in error.problem


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('match = "javax.inject:javax.inject"', "not a coordinate"),
        ('match = "javax.inject.*"', "not a coordinate"),
        ('match = "javax.inject:javax.inject:[1,2)"', "not exact"),
        ('match = "javax.inject:..:1"', "cannot be used safely"),
        ('match = "pkg:maven/javax.inject/javax.inject@1"', "by its coordinate"),
        (f'sha256 = "{SHA256[:-1]}"', "no SHA-256"),
        (f'sha256 = "sha256:{SHA256}"', "no SHA-256"),
        ('code = "signature-lost"', "cannot be"),
        ('code = "not-found"', "cannot be"),
        ('code = "tls-untrusted"', "cannot be"),
        ('code = "pin-mismatch"', "cannot be"),
        ('reason = " "', "is empty"),
        ('until = "2027-06-01"', "a date"),
    ],
)
def test_refuses_what_an_exemption_cannot_mean(line: str, problem: str) -> None:
    key = line.partition(" ")[0]
    number = ["match", "sha256", "code", "reason", "until"].index(key) + 2

    error = refused(re.sub(f"(?m)^{key} = .*$", line.replace("\\", r"\\"), EXEMPT))

    assert problem in error.problem
    assert error.where == f"verifier.toml:{number}"


def test_refuses_an_exemption_twice_or_where_nobody_serves_it() -> None:
    assert "verifier.toml:1 already" in refused(EXEMPT + EXEMPT).problem
    assert "can never match" in refused(COMPANY + EXEMPT).problem


# Keys and limits


def test_key_files_lie_beside_the_policy() -> None:
    policy = parse('[keys]\nfiles = ["verifier.keys", "/etc/more.keys"]', "/srv/build/verifier.toml")

    assert policy.key_files == (str(PurePath("/srv/build/verifier.keys")), str(PurePath("/etc/more.keys")))
    assert "unknown key 'file'" in refused('[keys]\nfile = ["verifier.keys"]').problem


def test_key_servers_are_the_usual_two_unless_the_policy_names_its_own() -> None:
    usual = ["vks+https://keys.openpgp.org", "https://keyserver.ubuntu.com"]
    own = parse(
        '[keys]\nservers = ["https://keys.example/", "vks+https://vks.example:8443"]\nca-file = "ca.pem"', "a/b.toml"
    )

    assert [str(server) for server in builtin_policy(DEFAULT).key_servers] == usual
    assert [str(server) for server in parse('[keys]\nfiles = ["a"]').key_servers] == usual
    assert own.key_servers == (
        KeyServer(KeyServerKind.HKP, "https://keys.example"),
        KeyServer(KeyServerKind.VKS, "https://vks.example:8443"),
    )
    assert own.keys_ca_file == str(PurePath("a/ca.pem"))


def test_an_empty_list_of_key_servers_means_none() -> None:
    assert parse("[keys]\nservers = []").key_servers == ()
    assert "'files' is empty" in refused("[keys]\nfiles = []").problem


@pytest.mark.parametrize(
    ("servers", "problem"),
    [
        ('["http://keys.example"]', "insecure-transport"),
        ('["vks+http://keys.example"]', "insecure-transport"),
        ('["hkps://keys.example"]', "no key server that can be asked over TLS"),
        ('["hkp://keys.example"]', "no key server that can be asked over TLS"),
        ('["ldap://keys.example"]', "no key server that can be asked over TLS"),
        ('["keys.example"]', "not https"),
        ('["vks+vks+https://keys.example"]', "no key server that can be asked over TLS"),
        ('["https://user@keys.example"]', "user name"),
        ('["https://keys.example?x=1"]', "query"),
        ('["https://keys.example", "https://keys.example/"]', "the same twice"),
        ('["https://keys.example", "https://keys.example"]', "more than once"),
        ('"https://keys.example"', "an array of strings"),
        ("[[]]", "an array of strings"),
        ("{}", "an array of strings"),
        ('[""]', "is no URL"),
    ],
)
def test_refuses_a_key_server_that_cannot_be_asked_over_tls(servers: str, problem: str) -> None:
    assert problem in f"{refused(f'[keys]{chr(10)}servers = {servers}')}"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10 s", 10), ("15 min", 900), ("2 h", 7200), ("7 days", 604800), ("1 day", 86400), ("0.5s", 0.5)],
)
def test_takes_durations(text: str, seconds: float) -> None:
    assert parse(f'[limits]\ntotal = "{text}"').limits.total == seconds


@pytest.mark.parametrize(
    "value", ['"0 s"', '"10"', "10", '"s"', '"-1 s"', '"1 m"', '"1 S"', '"367 days"', '"1e9 s"', '"1  s"']
)
def test_refuses_what_is_no_duration(value: str) -> None:
    assert refused(f"[limits]\ntotal = {value}").where == "verifier.toml:2"


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ('"2 GiB"', 2 * 1024**3),
        ('"1 MiB"', 1024**2),
        ('"1KiB"', 1024),
        ('"1 GB"', 10**9),
        ("7", 7),
        ('"1.5 KiB"', 1536),
    ],
)
def test_takes_sizes(value: str, size: int) -> None:
    assert parse(f"[limits]\nfile = {value}").limits.file == size


@pytest.mark.parametrize("value", ["0", "-1", "true", "1.5", '"1 gib"', '"0 B"', '"2 TiB"', '"5"', "9999999999999999"])
def test_refuses_what_is_no_size(value: str) -> None:
    assert refused(f"[limits]\nfile = {value}").where == "verifier.toml:2"


# The whole file


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("a = ", "verifier.toml:1", "not TOML"),
        ("\n\n[require\n", "verifier.toml:3", "not TOML"),
        ('\n"""', "verifier.toml:2", "not TOML"),
        ("[require]\nstarter = true\nstarter = true\n", "verifier.toml:3", "not TOML"),
        ("a = " + "[" * 5000, "verifier.toml", "nested"),
        ("a = " + "1" * 5000, "verifier.toml:1", "not TOML"),
        ("\n" + "a." * 100 + "b = 1", "verifier.toml:2", "dots"),
        ("require = 1", "verifier.toml:1", "one table"),
        ("[[require]]", "verifier.toml:1", "one table"),
        ("[rule]", "verifier.toml:1", "an array of tables"),
        ("rule = [1]", "verifier.toml:1", "an array of tables"),
        ("[repositories]", "verifier.toml:1", "unknown key 'repositories' at the top"),
        ("[context]\njdk = '17'", "verifier.toml:2", "unknown key 'jdk' in [context]"),
        ("[[context]]", "verifier.toml:1", "one table"),
        ("[require]\n[require.deep]\n", "verifier.toml:2", "unknown key 'deep'"),
        ("\nrequire.chekcsum = 1", "verifier.toml:2", "unknown key 'chekcsum'"),
        ("\nrequire = { chekcsum = 1 }", "verifier.toml:2", "unknown key 'chekcsum'"),
        ("#" * (MAX_POLICY_BYTES + 1), "verifier.toml", "at most"),
        ('"\\u001b[31m" = 1', "verifier.toml:1", r"'\x1b[31m'"),
    ],
)
def test_refuses_a_file_that_is_not_understood_whole(text: str, where: str, problem: str) -> None:
    error = refused(text)

    assert error.where == where
    assert problem in error.problem
    assert "\x1b" not in str(error)


@pytest.mark.parametrize(
    "line", ['reason = "see http://example.org"', 'origin = "HTTP://example.org"', 'keys = ["vks+http://keys.example"]']
)
def test_refuses_plain_http_anywhere(line: str) -> None:
    error = refused(f'[[trust]]\nmatch = "org.slf4j"\n{line}\n')

    assert "insecure-transport" in error.problem
    assert error.where == "verifier.toml:3"


def test_dots_in_a_string_are_no_dotted_key() -> None:
    assert parse(TRUST + f'reason = "{"It is so. " * 100}"\norigin = "{"." * 200}"\n').trust


def test_plain_http_in_a_comment_is_no_address() -> None:
    assert parse("# http://example.org\n")


def test_lines_are_right_behind_strings_and_arrays_of_many_lines() -> None:
    text = (
        '# comment "\n'
        "[[trust]]\n"
        'match = "org.a"\n'
        'reason = """\n[[trust]]\nmatch = \\"""\n# "quoted" ""\n""""\n'
        "origin = '''it's\n[require]'''\n"
        f'keys = [  # ]\n  "{KEY}", # "\n]\n'
        "\n"
        "[[ 'trust' ]] # ]]\r\n"
        "\"match\" = 'org.b'\n"
        f'keys = ["{KEY}"]\n'
        'expires = "soon"\n'
    )

    error = refused(text)

    assert text.split("\n")[int(error.where.split(":")[1]) - 1] == 'expires = "soon"'


# The context


def test_reads_the_context() -> None:
    text = """[context]
java-version = "1.8.0_442"
os = "windows/amd64/10.0"
properties = { revision = "1.0", "a.c" = "" }
"""
    context = parse(text).context

    assert (context.java_version, context.os_name, context.os_arch) == ("1.8.0_442", "Windows 11", "amd64")
    assert context.os_version == "10.0"
    assert context.properties == {"revision": "1.0", "a.c": ""}
    assert parse("").context == Context()
    assert parse("[context.properties]\nskip.tests = 'yes'").context.properties == {"skip.tests": "yes"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('java-version = "seventeen"', "is no version of a JDK"),
        ("java-version = 17", "'java-version' is a string"),
        ('os = "linux"', "is no operating system"),
        ("properties = { revision = 1 }", "a table of strings"),
        ('properties = "revision=1"', "a table of strings"),
        ('properties = { "a b" = "1" }', "is no name of a property"),
    ],
)
def test_refuses_a_context_that_means_nothing(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        parse(f"[context]\n{text}")

    assert caught.value.where == "verifier.toml:2"


def test_a_rule_says_what_becomes_of_a_missing_pom() -> None:
    policy = parse('[[rule]]\nmatch = "org.old.*"\nmissing-pom = "leaf"')

    assert policy.rule_for(Coordinate("org.old", "coat", "1", "pom")).missing_pom is MissingPom.LEAF
    assert policy.rule_for(Coordinate("org.new", "coat", "1", "pom")).missing_pom is MissingPom.FAIL
    with pytest.raises(ConfigError, match="unknown key 'missing-pom'"):
        parse('[require]\nmissing-pom = "leaf"')
    with pytest.raises(ConfigError, match="cannot be 'ignore'"):
        parse('[[rule]]\nmatch = "org.old"\nmissing-pom = "ignore"')


# The digest


def test_digest_is_that_of_the_meaning() -> None:
    one = parse(
        COMPANY + "[require]\nstarter = true\n[[rule]]\nmatch = \"com.example.a\"\n[[rule]]\nmatch = 'com.example.b'"
    )
    same = parse(
        "# a comment\n[[rule]]\nmatch = 'com.example.b'\n[[rule]]\nmatch = \"com.example.a\"\n" + COMPANY,
        "other/file.toml",
    )

    assert one.digest("sha256:00") == same.digest("sha256:00")
    assert re.fullmatch("sha256:[0-9a-f]{64}", one.digest("sha256:00"))


def test_digest_does_not_change_with_the_place_of_the_file() -> None:
    text = COMPANY + 'ca-file = "ca.pem"\n[keys]\nfiles = ["../a.keys"]\n'

    assert parse(text, "a/verifier.toml").digest("") == parse(text, "/b/c/verifier.toml").digest("")


def test_digest_covers_the_starter_map_only_where_it_counts() -> None:
    with_map, without = builtin_policy(DEFAULT), parse("[require]\nstarter = false")

    assert with_map.digest("sha256:00") != with_map.digest("sha256:11")
    assert without.digest("sha256:00") == without.digest("sha256:11") != with_map.digest("sha256:00")


def test_digest_changes_with_everything_that_decides() -> None:
    base = COMPANY + '[[repository]]\nid = "central"\n'
    texts = [
        base,
        COMPANY,
        '[[repository]]\nid = "central"\n' + COMPANY,
        base.replace("releases", "elsewhere"),
        base.replace("com.example.*", "com.example"),
        COMPANY + "snapshots = true\n",
        COMPANY + 'ca-file = "ca.pem"\n',
        COMPANY + f'tls-pins = ["{PIN}"]\n',
        COMPANY + 'credentials = "netrc"\n',
        base + '[require]\nsignature = "none"\n',
        base + '[require]\nchecksum = "sha256"\n',
        base + "[require]\nlegacy-before = false\n",
        base + "[require]\nlegacy-before = 2018-01-01\n",
        base + '[[rule]]\nmatch = "org.old"\n',
        base + '[[rule]]\nmatch = "org.old"\nsignature = "none"\n',
        base + TRUST,
        base + TRUST + "exact = true\n",
        base + TRUST + "expires = 2027-01-01\n",
        base + TRUST + "legacy-before = 2027-01-01\n",
        base + EXEMPT,
        base + EXEMPT.replace("2027", "2028"),
        base + '[keys]\nfiles = ["a.keys"]\n',
        base + '[keys]\nservers = ["https://keys.example"]\n',
        base + '[keys]\nservers = ["vks+https://keys.example"]\n',
        base + "[keys]\nservers = []\n",
        base + '[keys]\nca-file = "ca.pem"\n',
        base + "[limits]\nfile = 1\n",
        base + '[[rule]]\nmatch = "org.old"\nmissing-pom = "leaf"\n',
        base + '[context]\nos = "windows/amd64"\n',
        base + '[context]\njava-version = "21"\n',
        base + '[context]\nproperties = { revision = "1" }\n',
    ]

    assert len({parse(text).digest("sha256:00") for text in texts}) == len(texts)


# Anything at all

WHOLE = (
    COMPANY
    + '[[repository]]\nid = "central"\n[require]\nchecksum = "sha1"\n'
    + TRUST
    + EXEMPT
    + '[limits]\nstall = "1 s"\n'
)


def parses_or_is_refused(text: str) -> None:
    where = "verifier.toml"
    try:
        parse(text).digest("sha256:00")
    except ConfigError as error:
        where = error.where
    match = re.fullmatch(r"verifier\.toml(?::([0-9]+))?", where)
    assert match
    assert 1 <= int(match[1] or 1) <= text.count("\n") + 1


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_every_text_is_a_policy_or_refused(text: str) -> None:
    parses_or_is_refused(text)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(WHOLE)), st.integers(0, 12), st.text(alphabet="[]{}\"'=.,#\\\n\t a1-*:\x00é", max_size=6))
def test_every_damaged_policy_is_a_policy_or_refused(at: int, length: int, patch: str) -> None:
    parses_or_is_refused(WHOLE[:at] + patch + WHOLE[at + length :])
