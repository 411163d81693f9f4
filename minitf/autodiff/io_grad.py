"""Gradients stop at files."""
from ..core.registry import not_differentiable

not_differentiable("SaveV2")
not_differentiable("RestoreV2")
not_differentiable("MatchingFiles")
