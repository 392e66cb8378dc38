"""Moved to ``cifarviz.live.words``."""

from cifarviz.live.words import *  # noqa: F403
from cifarviz.live.words import DAMAGED, badge, doing, named, outcome, state_word  # noqa: F401
