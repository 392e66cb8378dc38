"""Images in a table, each with what several networks answered."""

from cifarviz.ui.components.answer_table.component import Answer, answer_table

__all__ = ["Answer", "answer_table"]
