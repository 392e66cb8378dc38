"""All lessons, in the order of the Start page."""

from collections.abc import Mapping
from types import MappingProxyType

from cifarviz.lessons.feature_maps import FEATURE_MAPS
from cifarviz.lessons.learning_rate import LEARNING_RATE
from cifarviz.lessons.lesson import Lesson
from cifarviz.lessons.overfitting import OVERFITTING

LESSONS: Mapping[str, Lesson] = MappingProxyType(
    {lesson.name: lesson for lesson in (OVERFITTING, FEATURE_MAPS, LEARNING_RATE)}
)
"""The lessons by their names in addresses."""
