"""Present: one thing at a time, for a projector."""

from cifarviz.ui.present.view import present

present()
