"""Every kind of link there is, with what it opens: people have them in notes and slides."""

from tests.pages.links.evaluate import EVALUATE_LINKS
from tests.pages.links.inside import INSIDE_LINKS
from tests.pages.links.link import Link
from tests.pages.links.predict import PREDICT_LINKS
from tests.pages.links.training import TRAINING_LINKS

__all__ = ["LINKS", "Link"]

LINKS = (*TRAINING_LINKS, *INSIDE_LINKS, *EVALUATE_LINKS, *PREDICT_LINKS)
