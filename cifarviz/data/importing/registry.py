"""Every format in which a data set may come. A new one is a file of its own and one line here."""

from cifarviz.data.importing.camera_pictures import CAMERA_PICTURES
from cifarviz.data.importing.cifar_batches import CIFAR_BATCHES
from cifarviz.data.importing.class_folders import CLASS_FOLDERS
from cifarviz.data.importing.files import Files
from cifarviz.data.importing.idx_pairs import IDX_PAIRS
from cifarviz.data.importing.keras_arrays import KERAS_ARRAYS
from cifarviz.data.importing.labels_table import LABELS_TABLE
from cifarviz.data.importing.pictures import PictureFormat
from cifarviz.errors import ImportRefused

# The first that recognises the files is taken.
FORMATS: tuple[PictureFormat, ...] = (
    CAMERA_PICTURES,
    KERAS_ARRAYS,
    IDX_PAIRS,
    CIFAR_BATCHES,
    LABELS_TABLE,
    CLASS_FOLDERS,
)


def recognize(files: Files) -> PictureFormat:
    """Return the format of these files; raises ``ImportRefused`` if it is none of them."""
    for form in FORMATS:
        if form.recognizes(files):
            return form
    # The camera's is no choice for somebody who has files.
    titles = [form.title for form in FORMATS if form is not CAMERA_PICTURES]
    raise ImportRefused(
        "“{place}” holds no pictures that cifarviz can read. Choose {formats}.",
        place=files.title,
        formats=", ".join(titles[:-1]) + f" or {titles[-1]}",
    )
