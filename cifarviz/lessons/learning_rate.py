"""The learning rate: too small, about right, too large."""

from cifarviz.lessons.lesson import Facts, Lesson, Question, Recordings, Step

_RATES = "learning-rate"


def _facts(recordings: Recordings) -> Facts:
    rates = recordings[_RATES]
    small, good, large = rates.results
    return {
        "series": rates.series_id,
        "epochs": good.epochs,
        "small": small.label,
        "good": good.label,
        "large": large.label,
        "small_accuracy": small.val_accuracy,
        "good_accuracy": good.val_accuracy,
        "large_accuracy": large.val_accuracy,
    }


LEARNING_RATE = Lesson(
    name="learning-rate",
    title="How large a step?",
    promise="Three runs that differ only in the learning rate: too small, about right, too large.",
    icon="speed",
    recordings=(_RATES,),
    facts=_facts,
    claims={
        "a small rate learns slowly": lambda found: (
            0.12
            < found[_RATES].results[0].val_accuracy
            < found[_RATES].results[1].val_accuracy - 0.05
        ),
        "with the small one the loss is still falling": lambda found: (
            found[_RATES].results[0].fit.verdict == "still improving"
        ),
        "a large rate does not learn": lambda found: (
            found[_RATES].results[2].val_accuracy < found[_RATES].results[1].val_accuracy - 0.1
        ),
        "not even its training images": lambda found: (
            found[_RATES].results[2].fit.verdict == "underfitting"
            and found[_RATES].results[2].accuracy < 0.15
        ),
    },
    steps=(
        Step(
            "Watch",
            "The same network from the same weights, {epochs} epochs each. With {small} the loss "
            "falls, but slowly; with {good} it falls fast; with {large} the steps are so long "
            "that they jump over the valley.",
            "lab",
            {"view": "duel", "series": "{series}", "play": "1"},
        ),
        Step(
            "Try",
            "Choose two or three rates and train them yourself.",
            "lab",
            {
                "view": "duel",
                "thing": "learning-rate",
                "values": "0.0003,0.003",
                "images": "1000",
                "epochs": "10",
                "seed": "1",
            },
        ),
        Step(
            "Explain",
            "Two questions. The curves above and the verdict below them have the answers.",
            "lab",
            {"view": "duel", "series": "{series}", "play": "1", "at": "{epochs}"},
            (
                Question(
                    "After {epochs} epochs, {small} has reached {small_accuracy:.0%} and {good} "
                    "{good_accuracy:.0%}. What would help the first?",
                    ("More epochs, or a larger rate.", "A smaller rate.", "Fewer images."),
                    0,
                    "Its loss is still falling at the end: it is on the same way, only slower.",
                ),
                Question(
                    "Why does {large} stay at {large_accuracy:.0%}?",
                    (
                        "It has too few weights.",
                        "It has memorised its training images.",
                        "Each step overshoots, so the loss does not fall.",
                    ),
                    2,
                    "Its training loss does not fall either, so it has not memorised anything. "
                    "Schedules begin with small steps, or end with them, for this reason.",
                ),
            ),
        ),
    ),
)
