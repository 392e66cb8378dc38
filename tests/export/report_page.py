"""Parses a report for its tests."""

import json
from html.parser import HTMLParser
from typing import Any


class ReportPage(HTMLParser):
    """Tags with their attributes, table cells, charts, and all other text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.charts: list[dict[str, Any]] = []
        self.text = ""
        self._inside = ""
        self.feed(html)
        self.cells = [cell.strip() for cell in self.cells]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = "chart" if dict(attrs).get("data-for") else tag
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self._inside == "chart":
            self.charts.append(json.loads(data))
            self._inside = ""
        elif self._inside not in ("script", "style"):
            self.text += data
            if self.cells and self._inside == "td":
                self.cells[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]
