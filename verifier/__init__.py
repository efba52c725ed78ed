"""Decides whether a Maven artifact may enter a build.

One corridor leads from a coordinate to an admitted file (`verifier.fetch`); the other modules
are rooms off it with one job each.
"""

__version__ = "0.1.0"
