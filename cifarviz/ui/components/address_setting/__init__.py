"""A setting of the whole session, held by the address of every page."""

from cifarviz.ui.components.address_setting.component import address_setting

__all__ = ["address_setting"]
