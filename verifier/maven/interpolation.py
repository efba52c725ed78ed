"""What `${…}` means inside one POM."""

from collections.abc import Mapping
from dataclasses import replace

from verifier.errors import Fact, PomInvalid
from verifier.maven.pom import Dependency, Exclusion

MAX_EXPANSIONS = 200_000
MAX_VALUE_CHARACTERS = 64 * 1024
MAX_NESTING = 100

_PREFIXES = ("pom.", "project.")


class Interpolator:
    """Replaces expressions in the texts of one model; what nothing defines stays as it is written.

    Shape: `fields` are the model's own values, named as in `${project.…}`, and come first under that name and
    last without it; `users` were given with -D for the project's own POM, `properties` are the model's, `system`
    are the machine's.  Environment variables mean nothing.

    Source: maven-model-builder 3.8.7, StringVisitorModelInterpolator; plexus-interpolation 1.26,
    StringSearchInterpolator and PrefixAwareRecursionInterceptor.
    """

    def __init__(
        self,
        fields: Mapping[str, str],
        users: Mapping[str, str],
        properties: Mapping[str, str],
        system: Mapping[str, str],
        origin: str,
    ) -> None:
        self._fields = fields
        self._sources = (users, properties, system, fields)
        self._origin = origin
        self._answers: dict[str, str] = {}
        self._count = 0

    def text(self, text: str) -> str:
        """Replace the expressions of a text.

        Raises: `PomInvalid` for a cycle, and for more or larger values than an honest POM needs.
        """
        return self._expand(text, ()) if "${" in text else text

    def optional(self, text: str | None) -> str | None:
        """Replace the expressions of a text that may not be there."""
        return text if text is None else self.text(text)

    def dependency(self, dependency: Dependency) -> Dependency:
        """Replace the expressions in every part of a dependency."""
        d = dependency
        parts = (d.group, d.artifact, d.version, d.type, d.classifier, d.scope, d.optional, d.system_path)
        is_plain = not any(part is not None and "${" in part for part in parts)
        if not is_plain:
            d = Dependency(
                group=self.optional(d.group),
                artifact=self.optional(d.artifact),
                version=self.optional(d.version),
                type=self.text(d.type),
                classifier=self.optional(d.classifier),
                scope=self.optional(d.scope),
                optional=self.optional(d.optional),
                system_path=self.optional(d.system_path),
                exclusions=d.exclusions,
            )
        if any("${" in each.group or "${" in each.artifact for each in d.exclusions):
            exclusions = tuple(Exclusion(self.text(each.group), self.text(each.artifact)) for each in d.exclusions)
            d = replace(d, exclusions=exclusions)
        return d

    def _expand(self, text: str, above: tuple[str, ...]) -> str:
        parts: list[str] = []
        position = 0
        while (start := text.find("${", position)) >= 0 and (end := text.find("}", start)) >= 0:
            parts += (text[position:start], self._answer(text[start : end + 1], above))
            position = end + 1
        result = "".join((*parts, text[position:]))
        if len(result) > MAX_VALUE_CHARACTERS:
            raise self._invalid(
                "a value of the POM grows too large", f"at most {MAX_VALUE_CHARACTERS} characters", text
            )
        return result

    def _answer(self, whole: str, above: tuple[str, ...]) -> str:
        name = whole[2:-1].removeprefix(".")
        bare = _without_prefix(name)
        if bare in above:
            raise self._invalid("expressions of the POM form a circle", "values that come to an end", whole)
        known = self._answers.get(name)
        if known is not None:
            return known
        self._count += 1
        if self._count > MAX_EXPANSIONS or len(above) >= MAX_NESTING:
            raise self._invalid(
                "the POM's expressions go on and on", f"at most {MAX_NESTING} within one another", whole
            )
        value = self._look_up(name, bare, whole)
        if value is None:
            return whole
        answer = self._expand(value, (*above, bare)) if "${" in value else value
        self._answers[name] = answer
        return answer

    def _look_up(self, name: str, bare: str, whole: str) -> str | None:
        """Ask each source in turn; one whose value holds the very expression is passed over."""
        values = [self._fields.get(bare)] if name != bare else []
        values += [source.get(name) for source in self._sources]
        found = [value for value in values if value is not None]
        useful = next((value for value in found if whole not in value), None)
        if found and useful is None:
            raise self._invalid("expressions of the POM form a circle", "values that come to an end", whole)
        return useful

    def _invalid(self, reason: str, expected: str, received: str) -> PomInvalid:
        return PomInvalid(reason, expected=Fact(expected), received=Fact(received[:200], self._origin))


def _without_prefix(name: str) -> str:
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name
