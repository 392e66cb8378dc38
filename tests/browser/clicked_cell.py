"""Click a cell of the confusion matrix in browser tests."""

import re

from playwright.sync_api import Page


def click_cell(page: Page, actual: int, predicted: int) -> None:
    matrix = page.get_by_role("figure", name=re.compile("Confusion matrix"))
    matrix.scroll_into_view_if_needed()
    x, y = matrix.evaluate(
        """(e, [row, column]) => {
            const { xaxis, yaxis } = e._fullLayout;
            const box = e.getBoundingClientRect();
            return [
                box.left + xaxis._offset + xaxis.d2p(xaxis._categories[column]),
                box.top + yaxis._offset + yaxis.d2p(yaxis._categories[row]),
            ];
        }""",
        [actual, predicted],
    )
    page.mouse.click(x, y)
