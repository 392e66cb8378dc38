"""Overfitting: the same network with and without augmentation."""

from cifarviz.lessons.lesson import Facts, Lesson, Question, Recordings, Step

_DUEL, _WRONG_LABELS = "duel", "memorisation"


def _facts(recordings: Recordings) -> Facts:
    duel, wrong = recordings[_DUEL], recordings[_WRONG_LABELS]
    plain, augmented = duel.results
    memorised = wrong.results[0]
    return {
        "duel": duel.series_id,
        "wrong_labels": wrong.series_id,
        "start": plain.fit.overfits_after,
        "epochs": plain.epochs,
        "images": plain.train_images,
        "accuracy": plain.accuracy,
        "val_accuracy": plain.val_accuracy,
        "gap": round(100 * plain.gap),
        "lowest": plain.lowest_val_loss,
        "val_loss": plain.val_loss,
        "augmented_accuracy": augmented.accuracy,
        "augmented_val_accuracy": augmented.val_accuracy,
        "wrong_share": wrong.runs[0].experiment.data.wrong_labels,
        "wrong_accuracy": memorised.accuracy,
        "wrong_val_accuracy": memorised.val_accuracy,
    }


OVERFITTING = Lesson(
    name="overfitting",
    title="See overfitting in one minute",
    promise="One network, trained with and without augmentation: watch the two part, and explain "
    "why.",
    icon="show_chart",
    recordings=(_DUEL, _WRONG_LABELS),
    facts=_facts,
    claims={
        "without augmentation the network overfits": lambda found: (
            found[_DUEL].results[0].fit.verdict == "overfitting"
            and found[_DUEL].results[0].fit.overfits_after is not None
        ),
        "overfitting starts where validation loss is lowest": lambda found: (
            found[_DUEL].results[0].fit.overfits_after
            == found[_DUEL].results[0].fit.overfitting_start
        ),
        "it starts to overfit in the first half": lambda found: (
            (found[_DUEL].results[0].fit.overfits_after or 0) < found[_DUEL].results[0].epochs / 2
        ),
        "augmentation narrows the gap": lambda found: (
            found[_DUEL].results[1].gap < found[_DUEL].results[0].gap / 2
        ),
        "augmentation improves validation accuracy": lambda found: (
            found[_DUEL].results[1].val_accuracy > found[_DUEL].results[0].val_accuracy
        ),
        "the wrong labels are learned by heart": lambda found: (
            found[_WRONG_LABELS].results[0].accuracy > 0.9
        ),
    },
    steps=(
        Step(
            "Watch",
            "One network, {images:,} images, {epochs} epochs, trained twice. Both curves of a "
            "panel fall together at first. Without augmentation, **overfitting starts after epoch "
            "{start}**: training loss goes on falling, while validation loss, measured on images "
            "the network never learns from, rises.",
            "lab",
            {"view": "duel", "series": "{duel}", "play": "1"},
        ),
        Step(
            "Look",
            "What does the network learn while validation gets worse? Here {wrong_share:.0%} of "
            "the training labels are wrong on purpose. At the end it predicts "
            "{wrong_accuracy:.0%} of all training labels, wrong ones included. Nothing in these "
            "images supports them: it has **memorised** them. Scroll down and choose an image to "
            "see what was predicted for it over the epochs.",
            "lab",
            {"view": "memorisation", "series": "{wrong_labels}", "gallery": "last"},
        ),
        Step(
            "Try",
            "Now train the duel yourself, on fewer images and for fewer epochs. Scroll down, press "
            "**Train 2 runs** and watch the curves. The first verdict comes within a minute.",
            "lab",
            {
                "view": "duel",
                "thing": "augmentation",
                "values": "off,both",
                "images": "1000",
                "epochs": "12",
                "seed": "1",
            },
            trains=True,
        ),
        Step(
            "Explain",
            "Three questions. The curves above and the verdict below them have the answers.",
            "lab",
            {"view": "duel", "series": "{duel}", "play": "1", "at": "{epochs}"},
            (
                Question(
                    "After the last epoch, training accuracy without augmentation is "
                    "{accuracy:.0%} and validation accuracy {val_accuracy:.0%}. What does the gap "
                    "mean?",
                    (
                        "The network has memorised its training images.",
                        "The network needs more epochs.",
                        "The validation images have wrong labels.",
                    ),
                    0,
                    "The gap of {gap} points is what the network knows about its training images "
                    "only. More epochs would not help: validation loss has been rising since epoch "
                    "{start}.",
                ),
                Question(
                    "When would you stop the run without augmentation?",
                    (
                        "When training loss no longer falls.",
                        "After epoch {start}, when validation loss is lowest.",
                        "After the last epoch, when training accuracy is highest.",
                    ),
                    1,
                    "Validation loss is lowest ({lowest:.2f}) after epoch {start} and ends at "
                    "{val_loss:.2f}. Early stopping does exactly this: it ends a run when "
                    "validation loss no longer improves.",
                ),
                Question(
                    "With augmentation, training accuracy ends at {augmented_accuracy:.0%} instead "
                    "of {accuracy:.0%}. Is that network worse?",
                    (
                        "Yes: it has learned less.",
                        "Yes: it should train for longer.",
                        "No: its validation accuracy is higher.",
                    ),
                    2,
                    "On images it has never seen it is right for {augmented_val_accuracy:.1%}, "
                    "against {val_accuracy:.1%} without augmentation. Shifted and mirrored images "
                    "are new in each epoch, so there is less to memorise.",
                ),
            ),
        ),
    ),
)
