"""How two sections of POMs become one: a profile into its POM, a parent under its child."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TypeVar

from verifier.maven.pom import Dependency, Plugin, Section
from verifier.maven.xml import Element

T = TypeVar("T")


def without_duplicates(section: Section) -> Section:
    """Drop dependencies that are declared twice: the last declaration counts, at the place of the first.

    Source: maven-model-builder 3.8.7, DefaultModelNormalizer.mergeDuplicates.
    """
    return replace(section, dependencies=_last_of_each(section.dependencies, _dependency_key))


def inject_profile(section: Section, profile: Section) -> Section:
    """Merge an active profile into its POM; the profile dominates, and new things follow the POM's own.

    A relocation in a profile means nothing.

    Source: maven-model-builder 3.8.7, DefaultProfileInjector.
    """
    return Section(
        properties=MappingProxyType({**section.properties, **profile.properties}),
        dependencies=_merge(section.dependencies, profile.dependencies, _dependency_key, is_newer_stronger=True),
        management=_merge(section.management, profile.management, _dependency_key, is_newer_stronger=True),
        modules=tuple(dict.fromkeys((*section.modules, *profile.modules))),
        plugins=_merge_plugins(profile.plugins, section.plugins),
        managed_plugins=_merge_plugins(profile.managed_plugins, section.managed_plugins),
        repositories=tuple({each.id: each for each in (*section.repositories, *profile.repositories)}.values()),
        relocation=section.relocation,
    )


def inherit(child: Section, parent: Section) -> Section:
    """Put a parent under its child: the child's entries first and whole, then what the child lacks.

    Modules and relocations are not inherited; plugins are, by `inherit_plugins`, for the few models that need them.

    Source: maven-model-builder 3.8.7, DefaultInheritanceAssembler and MavenModelMerger.
    """
    return Section(
        properties=MappingProxyType({**parent.properties, **child.properties}),
        dependencies=_merge(child.dependencies, parent.dependencies, _dependency_key),
        management=_merge(child.management, parent.management, _dependency_key),
        modules=child.modules,
        repositories=tuple({each.id: each for each in (*parent.repositories, *child.repositories)}.values()),
        relocation=child.relocation,
    )


def inherit_plugins(lineage: Sequence[Section]) -> tuple[tuple[Plugin, ...], tuple[Plugin, ...]]:
    """Merge the plugins of a POM and its parents, nearest first; give those of the build, and those managed."""
    plugins, managed = lineage[-1].plugins, lineage[-1].managed_plugins
    for section in reversed(lineage[:-1]):
        plugins = _merge_plugins(section.plugins, tuple(plugin for plugin in plugins if plugin.inherited))
        managed = _merge_plugins(section.managed_plugins, managed)
    return plugins, managed


def import_management(
    own: tuple[Dependency, ...], imported: Iterable[tuple[Dependency, ...]]
) -> tuple[Dependency, ...]:
    """Add imported management to a POM's own: the own entries first, then each import in turn; the first entry counts.

    Source: maven-model-builder 3.8.7, DefaultDependencyManagementImporter.
    """
    found = {entry.key: entry for entry in own}
    for entries in imported:
        for entry in entries:
            found.setdefault(entry.key, entry)
    return tuple(found.values())


def inject_management(
    dependencies: tuple[Dependency, ...], management: tuple[Dependency, ...]
) -> tuple[Dependency, ...]:
    """Fill in what dependencies leave open from the management of their own POM.

    Version, scope and path are filled in where nothing was written, exclusions where there are none; whether a
    dependency is optional is never managed here.  Of several entries with one key the first has the first word.

    Source: maven-model-builder 3.8.7, DefaultDependencyManagementInjector.
    """
    wanted = {dependency.key for dependency in dependencies}
    managers: dict[Hashable, list[Dependency]] = {}
    for entry in management:
        if entry.key in wanted:
            managers.setdefault(entry.key, []).append(entry)
    # Where interpolation made two dependencies the same one, Maven manages the last alone.
    last = {dependency.key: index for index, dependency in enumerate(dependencies)}
    return tuple(
        _filled(dependency, managers[dependency.key])
        if dependency.key in managers and last[dependency.key] == index
        else dependency
        for index, dependency in enumerate(dependencies)
    )


def _filled(dependency: Dependency, managers: list[Dependency]) -> Dependency:
    for manager in managers:
        dependency = replace(
            dependency,
            version=manager.version if dependency.version is None else dependency.version,
            scope=manager.scope if dependency.scope is None else dependency.scope,
            system_path=manager.system_path if dependency.system_path is None else dependency.system_path,
            exclusions=dependency.exclusions or manager.exclusions,
        )
    return dependency


def _dependency_key(dependency: Dependency) -> Hashable:
    return dependency.key


def _last_of_each(items: tuple[T, ...], key: Callable[[T], Hashable]) -> tuple[T, ...]:
    return tuple({key(item): item for item in items}.values())


def _merge(
    own: tuple[T, ...], other: tuple[T, ...], key: Callable[[T], Hashable], *, is_newer_stronger: bool = False
) -> tuple[T, ...]:
    """Merge two lists as MavenModelMerger does; with nothing to merge, even duplicates stay."""
    if not other:
        return own
    found = {key(item): item for item in own}
    for item in other:
        if is_newer_stronger:
            found[key(item)] = item
        else:
            found.setdefault(key(item), item)
    return tuple(found.values())


# Plugins


def _merge_plugins(strong: tuple[Plugin, ...], weak: tuple[Plugin, ...]) -> tuple[Plugin, ...]:
    """Merge plugins by name, each part of the stronger declaration before the weaker one's."""
    found = {plugin.key: plugin for plugin in weak}
    for plugin in strong:
        below = found.get(plugin.key)
        found[plugin.key] = merge_plugin(plugin, below) if below else plugin
    return tuple(found.values())


def merge_plugin(strong: Plugin, weak: Plugin) -> Plugin:
    """Merge two declarations of a plugin, part by part."""
    executions = {execution.id: execution for execution in weak.executions}
    for execution in strong.executions:
        below = executions.get(execution.id)
        executions[execution.id] = (
            replace(
                execution,
                phase=execution.phase or below.phase,
                goals=tuple(dict.fromkeys((*execution.goals, *below.goals))),
                configuration=_merge_configuration(execution.configuration, below.configuration),
            )
            if below
            else execution
        )
    return replace(
        strong,
        version=weak.version if strong.version is None else strong.version,
        extensions=strong.extensions or weak.extensions,
        dependencies=_merge(strong.dependencies, weak.dependencies, _dependency_key),
        executions=tuple(executions.values()),
        configuration=_merge_configuration(strong.configuration, weak.configuration),
    )


def _merge_configuration(strong: Element | None, weak: Element | None) -> Element | None:
    if strong is None or weak is None:
        return strong or weak
    mine = {child.name for child in strong.children}
    theirs = {child.name: child for child in weak.children}
    children = tuple(_merge_configuration(child, theirs.get(child.name)) or child for child in strong.children)
    rest = tuple(child for child in weak.children if child.name not in mine)
    return Element(strong.name, strong.text or weak.text, (*children, *rest))
