"""A local copy of a published data set, in a real browser: the page follows by itself."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from scripts.chromium import settle


@pytest.mark.parametrize(
    ("name", "title"), [("cifar10", "CIFAR-10"), ("fashion-mnist", "Fashion-MNIST")]
)
def test_a_folder_without_the_data_is_refused_without_another_click(
    app_server, page: Page, tmp_path: Path, name: str, title: str
) -> None:
    page.goto(f"{app_server(environment={'CIFARVIZ_WARM_UP': '0'}).url}/data")
    settle(page)
    panel = page.locator(f".st-key-data-{name}")
    panel.get_by_role("button", name="Use a local copy").click()
    page.get_by_label("Folder or archive", exact=True).fill(str(tmp_path))
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_role("alert").filter(has_text=f"does not hold {title}")).to_be_visible()
    expect(page.get_by_role("button", name=f"Download the full {title} set")).to_be_visible()
