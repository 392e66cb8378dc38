"""Precision, recall and F1 of each class: drawn, as a table, and to take away."""

import streamlit as st

from cifarviz.analysis.scores import ClassScores
from cifarviz.figures.score_bars import score_bars, score_bars_figure
from cifarviz.ui.components.chart import chart

_MEANINGS = {
    "precision": "Of the images that the network took for this class, the share that are of it.",
    "recall": "Of the images of this class, the share that the network recognised.",
    "f1": "Both in one: the harmonic mean of precision and recall.",
}


def class_scores(scores: ClassScores, name: str) -> None:
    """The figure beside the table; ``name``, without an ending, is what files are called."""
    st.subheader(
        "How well each class is recognised",
        help="  \n".join(f"**{_title(key)}**: {words}" for key, words in _MEANINGS.items()),
    )
    drawn, listed = st.columns([3, 2], gap="medium")
    with drawn:
        figure = score_bars(
            scores.classes, scores.precision, scores.recall, scores.f1, scores.support
        )
        chart(
            score_bars_figure(figure),
            key="evaluate-scores",
            file_name=f"{name}-per-class",
            description="F1, precision and recall of each class",
        )
    with listed:
        frame = scores.to_frame()
        percent = frame.assign(**{key: 100 * frame[key] for key in _MEANINGS})
        st.dataframe(
            percent,
            height="content",
            column_config={
                "class": st.column_config.TextColumn("Class"),
                **{
                    key: st.column_config.NumberColumn(_title(key), format="%.1f%%", help=words)
                    for key, words in _MEANINGS.items()
                },
                "support": st.column_config.NumberColumn(
                    "Images", help="Number of images of this class."
                ),
            },
        )
        st.download_button(
            "Save the scores as CSV",
            frame.to_csv(),
            file_name=f"{name}-per-class.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            help="The table as a file for a spreadsheet, with all digits.",
        )


def _title(key: str) -> str:
    return "F1" if key == "f1" else key.capitalize()
