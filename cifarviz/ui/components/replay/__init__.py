"""Curves that grow again as they did: played, held and scrubbed in the browser alone."""

from cifarviz.ui.components.replay.component import Mark, Pace, Turn, pace_in, replay_curves

__all__ = ["Mark", "Pace", "Turn", "pace_in", "replay_curves"]
