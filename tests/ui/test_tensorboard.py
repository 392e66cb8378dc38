from pathlib import Path

from cifarviz.ui.tensorboard import tensorboard_command


def test_a_folder_with_spaces_and_quotes_is_quoted_for_a_shell() -> None:
    assert tensorboard_command(Path("/logs/a")) == "tensorboard --logdir /logs/a"
    assert (
        tensorboard_command(Path("/my logs/it's")) == "tensorboard --logdir '/my logs/it'\"'\"'s'"
    )
