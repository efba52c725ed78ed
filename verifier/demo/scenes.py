"""The scenes of the show: first no attack, then attacks, each with what plain Maven does about it.

What is said of Maven was tried with mvn 3.8.7 against these very servers; a test tries it again.
"""

from dataclasses import replace
from datetime import timedelta

from verifier.coordinate import Coordinate
from verifier.demo.certificates import Authority
from verifier.demo.packets import MD5, SHA1, make_signer, make_small_signer, sign, write_certificate
from verifier.demo.repository import JAR, POM, publish, write_jar, write_pom
from verifier.demo.server import ADDRESS, Answer
from verifier.demo.stage import Maven, Props, Scene, Setting
from verifier.layout import file_path

_DAY = timedelta(days=1)
_PATH = f"/{file_path(JAR)}"
_EVIL = "a library with a back door\n"
_HTML = b"<!DOCTYPE html>\n<html><body>Please log in to use this network.</body></html>\n"


def _honest(props: Props) -> Setting:
    return Setting(props.files)


def _man_in_the_middle(props: Props) -> Setting:
    """A stranger answers in the repository's place, with a certificate that he made himself."""
    stranger = Authority(props.directory, "stranger", props.now)
    return replace(_hijacked_mirror(props), identity=stranger.issue(ADDRESS))


def _hijacked_mirror(props: Props) -> Setting:
    """The real server, in other hands: the JAR and its checksums are exchanged, the signature cannot be."""
    signature = props.files[f"{_PATH}.asc"].body
    return Setting({**props.files, **publish(JAR, write_jar(JAR.version, _EVIL), signature)})


def _redirect_to_http(props: Props) -> Setting:
    elsewhere = f"http://{ADDRESS}:80{_PATH}"
    return Setting({**props.files, _PATH: Answer(b"elsewhere\n", 302, location=elsewhere)})


def _wrong_host(props: Props) -> Setting:
    return Setting(props.files, identity=props.authority.issue("other.example"))


def _expired_server(props: Props) -> Setting:
    return Setting(props.files, identity=props.authority.issue(ADDRESS, ended=_DAY))


def _swapped(props: Props) -> Setting:
    """Another JAR with checksums that are right, and no signature at all."""
    swapped = publish(JAR, write_jar(JAR.version, _EVIL), None)
    return _stripped(replace(props, files={**props.files, **swapped}))


def _stripped(props: Props) -> Setting:
    return Setting({path: answer for path, answer in props.files.items() if path != f"{_PATH}.asc"})


def _other_key(props: Props) -> Setting:
    """Another JAR, well signed by a key of the attacker's."""
    attacker, content = make_signer(props.born), write_jar(JAR.version, _EVIL)
    return Setting({**props.files, **publish(JAR, content, sign(attacker, content, props.made))})


def _expired_signature(props: Props) -> Setting:
    signature = sign(props.signer, props.files[_PATH].body, props.made, lifetime=10 * _DAY)
    return Setting(_signed(props, signature))


def _expired_key(props: Props) -> Setting:
    return Setting(props.files, certificate=write_certificate(props.signer, lifetime=90 * _DAY))


def _revoked_key(props: Props) -> Setting:
    return Setting(props.files, certificate=write_certificate(props.signer, revoked=props.now - _DAY))


def _broken_digest(props: Props) -> Setting:
    return Setting(_signed(props, sign(props.signer, props.files[_PATH].body, props.made, digest=MD5)))


def _old_digest(props: Props) -> Setting:
    return Setting(_signed(props, sign(props.signer, props.files[_PATH].body, props.made, digest=SHA1)))


def _small_key(props: Props) -> Setting:
    small = make_small_signer(props.born)
    signature = sign(small, props.files[_PATH].body, props.made)
    return Setting(_signed(props, signature), signer=small, certificate=write_certificate(small))


def _replayed(props: Props) -> Setting:
    """The honest old JAR and its honest signature, served as a new version."""
    new = replace(JAR, version="1.1")
    pom = replace(POM, version="1.1")
    content, signature = props.files[_PATH].body, props.files[f"{_PATH}.asc"].body
    described = publish(pom, write_pom(pom), None)
    return Setting({**described, **publish(new, content, signature)}, new)


def _page(props: Props) -> Setting:
    return Setting({**props.files, **publish(JAR, _HTML, None)})


def _other_pom(props: Props) -> Setting:
    """A well signed POM of another library, in the place of this one's."""
    content = write_pom(Coordinate("org.example", "gadget", "1.0", "pom"))
    return Setting({**props.files, **publish(POM, content, sign(props.signer, content, props.made))}, POM)


def _poisoned_cache(props: Props) -> Setting:
    return Setting(props.files, spoilt=write_jar(JAR.version, _EVIL))


def _poisoned_offline(props: Props) -> Setting:
    return replace(_poisoned_cache(props), offline=True)


def _wrong_checksum(props: Props) -> Setting:
    return Setting({**props.files, f"{_PATH}.sha1": Answer(b"0" * 40)})


def _cut_short(props: Props) -> Setting:
    return Setting({**props.files, _PATH: replace(props.files[_PATH], cut=True)})


def _endless(props: Props) -> Setting:
    return Setting({**props.files, _PATH: Answer(endless=True)})


def _no_answer(props: Props) -> Setting:
    return Setting({**props.files, f"{_PATH}.asc": Answer(b"busy\n", 503)})


def _signed(props: Props, signature: bytes) -> dict[str, Answer]:
    return {**props.files, f"{_PATH}.asc": Answer(signature)}


def _tried(does: str) -> Maven:
    return Maven(does, "tried")


_READS_NONE = _tried("builds: reads no signature")
_NEVER_REHASHES = _tried("builds with it: hashes only what it downloads")

SCENES = (
    Scene("none: an honest repository", _tried("builds"), None, _honest),
    Scene(
        "man in the middle: JAR and .sha1 rewritten, certificate of his own",
        _tried("refuses; over http, as in 2014, it builds"),
        "tls-untrusted",
        _man_in_the_middle,
    ),
    Scene("hijacked mirror, valid TLS: JAR and .sha1 rewritten", _READS_NONE, "signature-bad", _hijacked_mirror),
    Scene("redirect from https to http", _tried("follows it and builds"), "insecure-transport", _redirect_to_http),
    Scene("certificate of another host", _tried("refuses too"), "tls-untrusted", _wrong_host),
    Scene("expired certificate", _tried("refuses too"), "tls-untrusted", _expired_server),
    Scene("swapped JAR, its checksums match, no signature", _READS_NONE, "signature-missing", _swapped),
    Scene("swapped JAR, signed with another key", _READS_NONE, "key-untrusted", _other_key),
    Scene("signature stripped from the honest JAR", _READS_NONE, "signature-missing", _stripped),
    Scene("signature past its own end", _READS_NONE, "signature-expired", _expired_signature),
    Scene("signed after the key's end", _READS_NONE, "key-expired", _expired_key),
    Scene("signing key revoked: stolen", _READS_NONE, "key-revoked", _revoked_key),
    Scene("signature over MD5", _READS_NONE, "signature-weak", _broken_digest),
    Scene("signature of this year over SHA-1", _READS_NONE, "signature-weak", _old_digest),
    Scene("signature by an RSA key of 1,024 bits", _READS_NONE, "signature-weak", _small_key),
    Scene(
        "old signed JAR served as a new version",
        _tried("builds: never looks inside"),
        "signature-replayed",
        _replayed,
    ),
    Scene("HTML in place of the JAR", _tried("takes it for the JAR"), "content-mismatch", _page),
    Scene("POM of another artifact, well signed", _tried("takes it and builds"), "content-mismatch", _other_pom),
    Scene("checksum that disagrees", _tried("warns and builds"), "checksum-mismatch", _wrong_checksum),
    Scene("answer cut short", _tried("refuses too"), "truncated", _cut_short),
    Scene("answer without end", Maven("fills the disk", "tried up to 7 GB"), "too-large", _endless),
    Scene("signature cannot be had: 503", _tried("builds: never asks for it"), "server-error", _no_answer),
    Scene("file changed in the cache", _NEVER_REHASHES, None, _poisoned_cache, first="checksum-mismatch"),
    Scene(
        "file changed in the cache, asked for with --offline", _NEVER_REHASHES, "checksum-mismatch", _poisoned_offline
    ),
)
