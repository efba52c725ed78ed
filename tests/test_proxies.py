import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.errors import ConfigError
from verifier.proxies import read_proxies


def address(environment: dict[str, str]) -> str | None:
    proxy = read_proxies(environment).proxy
    return None if proxy is None else proxy.url


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "https://proxy.example"}, "https://proxy.example:443"),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "http://[::1]:3128/"}, "http://[::1]:3128"),
        ({"ALL_PROXY": "http://a.example"}, "http://a.example:80"),
        ({"ALL_PROXY": "http://a.example", "HTTPS_PROXY": "http://b.example"}, "http://b.example:80"),
        ({"HTTPS_PROXY": "http://a.example", "https_proxy": "http://b.example"}, "http://b.example:80"),
        ({"HTTP_PROXY": "http://a.example", "http_proxy": "http://a.example"}, None),
    ],
)
def test_names_the_proxy_for_https(environment: dict[str, str], expected: str | None) -> None:
    assert address(environment) == expected


@pytest.mark.parametrize(
    "value",
    ["socks5://ann:hunter2@proxy.example", "http://ann:hunter2@", "http://ann:hunter2@proxy.example:99999",
     "http://ann:hunter2@[::1", "http://ann:hunter2@pro xy.example", "x" * 20_000],
)  # fmt: skip
def test_refuses_other_proxies_and_shows_no_secret(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_proxies({"HTTPS_PROXY": value})

    assert "hunter2" not in str(caught.value)


def test_credentials_of_a_proxy_are_taken_out_of_its_address_and_do_not_show() -> None:
    proxies = read_proxies({"HTTPS_PROXY": "http://ann:p%40ss@proxy.example:3128"})

    assert proxies.proxy is not None
    assert proxies.proxy.url == "http://proxy.example:3128"
    assert proxies.proxy.authorization == "Basic YW5uOnBAc3M="
    assert "YW5u" not in repr(proxies)


@pytest.mark.parametrize(
    ("pattern", "host", "port", "direct"),
    [
        ("*", "repo.example", 443, True),
        ("repo.example", "repo.example", 443, True),
        ("REPO.example", "repo.EXAMPLE.", 443, True),
        ("example", "repo.example", 443, True),
        (".example", "repo.example", 443, True),
        ("repo.example", "evilrepo.example", 443, False),
        ("repo.example", "example", 443, False),
        ("repo.example:8443", "repo.example", 8443, True),
        ("repo.example:8443", "repo.example", 443, False),
        ("192.0.2.1", "192.0.2.1", 443, True),
        ("192.0.2.1", "192.0.2.11", 443, False),
        ("192.0.2.1:8443", "192.0.2.1", 8443, True),
        ("192.0.2.0/24", "192.0.2.77", 443, True),
        ("192.0.2.0/24", "192.0.3.77", 443, False),
        ("192.0.2.0/24", "repo.example", 443, False),
        ("2001:db8::/32", "2001:db8::1", 443, True),
        ("::1", "::1", 443, True),
        ("[::1]", "::1", 443, True),
        ("[::1]:8443", "::1", 8443, True),
        ("other.example, repo.example", "repo.example", 443, True),
        ("other.example repo.example", "repo.example", 443, True),
        (".", "repo.example", 443, False),
        ("1.2.3.4/99", "1.2.3.4", 443, False),
        ("", "repo.example", 443, False),
    ],
)
def test_knows_which_hosts_go_without(pattern: str, host: str, port: int, *, direct: bool) -> None:
    proxies = read_proxies({"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": pattern})

    assert (proxies.choose(host, port) is None) is direct


@given(value=st.text(max_size=60), direct=st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused(value: str, direct: str) -> None:
    with contextlib.suppress(ConfigError):
        read_proxies({"HTTPS_PROXY": value, "NO_PROXY": direct}).choose("repo.example", 443)
