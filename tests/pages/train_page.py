"""The Train page, opened, pressed and read by its tests."""

from streamlit.testing.v1 import AppTest

from cifarviz.experiment.address import pack_changes, preset_draft, unpack_changes
from cifarviz.experiment.draft import Draft
from tests.components import live_texts
from tests.pages.app_page import address_of, opened_by_link, walk

VGG = preset_draft("cifar10-vgg", 1)
SAMPLE = {"dataset": "cifar10", "variant": "sample", "train_images": None}


def opened(**address: str) -> AppTest:
    return opened_by_link("train", **address)


def linked(draft: Draft, **address: str) -> AppTest:
    """The page opened by a link that holds this draft."""
    packed = pack_changes(draft)
    changes = {} if packed is None else {"changes": packed}
    return opened(preset=draft.preset, **changes, **address)


def current_draft(app: AppTest) -> Draft:
    """The draft that the address holds now."""
    address = address_of(app)
    if "changes" not in address:
        return preset_draft(address["preset"], 1)
    return unpack_changes(address["preset"], address["changes"], 1)


def page_text(app: AppTest) -> str:
    found = [*app.error, *app.warning, *app.info, *app.header, *app.markdown, *app.caption]
    # A backslash only keeps Markdown from reading a sign as its own.
    return "\n".join([*(one.value.replace("\\", "") for one in found), *live_texts(app)])


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def labels(app: AppTest) -> list[str]:
    return [one.label for one in app.button]


def links(app: AppTest) -> list[str]:
    return [one.proto.label for one in walk(app._tree) if one.type == "page_link"]


def kinds(app: AppTest) -> list[str]:
    return [layer.type for layer in current_draft(app).layers]
