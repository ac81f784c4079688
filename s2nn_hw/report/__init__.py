"""What was found out, as checks, figures, JSON, text and JUnit XML."""

from .build import BuildReport, read
from .check import Check
from .figure import Figure, Origin
from .junit import junit
from .layer import LayerReport

__all__ = ["BuildReport", "Check", "Figure", "LayerReport", "Origin", "junit", "read"]
