"""The Evaluate page, opened and read by its tests."""

from streamlit.testing.v1 import AppTest

from tests.pages.app_page import opened_from_start


def opened(**address: object) -> AppTest:
    return opened_from_start("evaluate", **address)


def metrics(app: AppTest) -> dict[str, str]:
    """The figures at the top by their labels, as one network or an ensemble shows them."""
    return {metric.label: str(metric.value).replace("\\", "") for metric in app.metric}


def text(app: AppTest) -> str:
    texts = [element.value for element in (*app.markdown, *app.caption)]
    return "\n".join([*texts, *(metric.label for metric in app.metric)])


def errors(app: AppTest) -> str:
    return "\n".join(error.value for error in app.error).replace("\\", "")
