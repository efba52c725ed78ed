"""A CycloneDX bill of materials of what was fetched, each component with the evidence that it was accepted on.

Takes long to import, and is imported by whoever writes a bill.  Licences, suppliers and vulnerabilities are not
guessed: nothing here knows them.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import PurePath
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.component_evidence import AnalysisTechnique, ComponentEvidence, Identity, IdentityField, Method
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from verifier import __version__
from verifier.coordinate import Coordinate
from verifier.digest import Algorithm
from verifier.fetch import Rules
from verifier.outcome import Outcome, timestamp
from verifier.report.inventory import BUILD, Inventory, Item, good_signature

NAMESPACE = "verifier"
"""What the names of our own properties begin with."""

_HASHES = {Algorithm.SHA1: HashAlgorithm.SHA_1, Algorithm.SHA256: HashAlgorithm.SHA_256}
_HASHES |= {Algorithm.SHA512: HashAlgorithm.SHA_512}
_SCOPES = {"test": ComponentScope.EXCLUDED, BUILD: ComponentScope.EXCLUDED}
_CERTAIN = Decimal(1)


def write_bill(inventory: Inventory, rules: Rules, now: datetime | None) -> str:
    """Write a bill, CycloneDX 1.6 in JSON.

    Without `now` it is the same, byte for byte, wherever and whenever the same files were fetched by the same
    policy: it then has no timestamp and no record ids.

    Source: CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/.
    """
    components = {item.coordinate: _component(item, rules, now) for item in inventory.items}
    metadata = _metadata(inventory, rules, now)
    below = {components[item.coordinate].bom_ref: item.needs for item in inventory.items if item.needs is not None}
    if metadata.component is not None:
        below[metadata.component.bom_ref] = inventory.needs
    bom = Bom(
        components=components.values(),
        metadata=metadata,
        dependencies=[_dependency(ref, (components[one].bom_ref for one in needs)) for ref, needs in below.items()],
        serial_number=uuid5(NAMESPACE_URL, _facts(inventory, rules, now)),
    )
    document = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    # The library says of each component without an entry that it needs nothing, where nobody asked.
    known = {ref.value for ref in below}
    document["dependencies"] = [one for one in document.get("dependencies", ()) if one["ref"] in known]
    first = {name: document[name] for name in ("$schema", "bomFormat", "specVersion", "serialNumber", "version")}
    return json.dumps(first | document, indent=2) + "\n"


def _dependency(ref: BomRef, needs: Iterable[BomRef]) -> Dependency:
    return Dependency(ref, [Dependency(one) for one in needs])


def _facts(inventory: Inventory, rules: Rules, now: datetime | None) -> str:
    """Sum up what a bill says, so that equal ones and no others have the same serial number."""
    facts: list[object] = [str(inventory.project), inventory.needs, inventory.left_out, str(now), rules.digest]
    for item in inventory.items:
        evidence = item.outcome.evidence
        sha256 = None if evidence is None else evidence.sha256
        facts.append([item.coordinate, item.optional, item.needs, item.outcome.url, sha256, *_told(item, rules, now)])
    return hashlib.sha256(f"{__version__} {facts}".encode()).hexdigest()


def _metadata(inventory: Inventory, rules: Rules, now: datetime | None) -> BomMetaData:
    project = inventory.project
    metadata = BomMetaData(
        tools=ToolRepository(
            components=[Component(name="verifier", version=__version__, type=ComponentType.APPLICATION)]
        ),
        component=None if project is None else _project(project),
        lifecycles=[PredefinedLifecycle(phase=LifecyclePhase.PRE_BUILD)],
        properties=[
            _property("policy", rules.digest),
            *(_property("left-out", f"{name}, which lies on the user's own machine") for name in inventory.left_out),
        ],
        timestamp=now,
    )
    if now is None:
        metadata.timestamp = None  # type: ignore[assignment]  # the format has it optional, and the library takes now
    return metadata


def _project(project: Coordinate) -> Component:
    purl = PackageURL("maven", project.group, project.artifact, project.version)
    return Component(
        name=project.artifact, group=project.group, version=project.version, purl=purl, bom_ref=purl.to_string()
    )


def _component(item: Item, rules: Rules, now: datetime | None) -> Component:
    coordinate, outcome = item.coordinate, item.outcome
    purl = _purl(coordinate)
    return Component(
        type=ComponentType.LIBRARY,
        group=coordinate.group,
        name=coordinate.artifact,
        version=coordinate.version,
        purl=purl,
        bom_ref=purl.to_string(),
        scope=ComponentScope.OPTIONAL if item.optional else _SCOPES.get(item.scope or "", ComponentScope.REQUIRED),
        hashes=_hashes(outcome),
        external_references=_references(outcome),
        properties=[_property(name, value) for name, value in _told(item, rules, now) if value],
        evidence=_evidence(outcome, rules),
    )


def _purl(coordinate: Coordinate) -> PackageURL:
    """Name a file: the type always, since without it a module is meant, whose POM says which file."""
    qualifiers = {"type": coordinate.extension, "classifier": coordinate.classifier}
    named = {name: value for name, value in qualifiers.items() if value}
    return PackageURL("maven", coordinate.group, coordinate.artifact, coordinate.version, named)


def _hashes(outcome: Outcome) -> Iterator[HashType]:
    for digest in () if outcome.evidence is None else outcome.evidence.digests:
        if digest.algorithm in _HASHES:
            yield HashType(alg=_HASHES[digest.algorithm], content=digest.value)


def _references(outcome: Outcome) -> Iterator[ExternalReference]:
    """Say where the file came from, and the signature that counted."""
    if outcome.url:
        hashes = list(_hashes(outcome))
        yield ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=XsUri(outcome.url), hashes=hashes)
    evidence = outcome.evidence
    if evidence is not None and evidence.signature is not None and good_signature(outcome) is not None:
        sha256 = HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(evidence.signature).hexdigest())
        where = XsUri(evidence.signature_where)
        yield ExternalReference(type=ExternalReferenceType.DIGITAL_SIGNATURE, url=where, hashes=[sha256])


def _evidence(outcome: Outcome, rules: Rules) -> ComponentEvidence | None:
    """Say what shows that the bytes are what they are called; where TLS alone stands for that, nothing does."""
    findings, signature = outcome.findings, good_signature(outcome)
    if findings is None or not findings.vouched:
        return None
    technique = AnalysisTechnique.HASH_COMPARISON if signature is None else AnalysisTechnique.ATTESTATION
    value = _trusted_by(outcome, rules) if signature is None else f"OpenPGP signature by {signature.primary}"
    method = Method(technique=technique, confidence=_CERTAIN, value=value)
    return ComponentEvidence(identity=[Identity(field=IdentityField.PURL, confidence=_CERTAIN, methods=[method])])


def _told(item: Item, rules: Rules, now: datetime | None) -> Iterator[tuple[str, str | None]]:
    """Give what the format has no place for."""
    outcome, signature = item.outcome, good_signature(item.outcome)
    yield "scope", item.scope
    yield "repository", outcome.repository
    yield "trusted-by", _trusted_by(outcome, rules)
    if signature is not None:
        yield "signer", signature.primary
        yield "signing-key", signature.fingerprint
        yield "signature-created", timestamp(signature.created)
    if now is not None:
        yield "record", outcome.record


def _trusted_by(outcome: Outcome, rules: Rules) -> str:
    """Say what an acceptance rests on, with no path of this machine in it."""
    told = "" if outcome.findings is None else outcome.findings.trusted_by
    file = rules.policy.file
    return told if file is None else told.replace(file, PurePath(file).name)


def _property(name: str, value: str | None) -> Property:
    return Property(name=f"{NAMESPACE}:{name}", value=value)
