"""Links to Evaluate."""

from tests.pages.links.link import BEST, CHANGED_MEMBER, LAST, MINE, OTHER, RUN, Link

CELL = "evaluate?run=MINE"
VOTES = "evaluate?view=ensemble&members=MINE,OTHER"

EVALUATE_LINKS = (
    # Evaluate, one network
    Link(
        "evaluate",
        {"View": "One network", RUN: MINE, "Weights from": LAST, "Confusion matrix": "Counts",
         "Classes": "Usual order", "Details": "Each class"},
        ("^Test images: 1,000$", "chart evaluate-matrix: .*'MINE last usual'",
         "chart evaluate-scores"),
    ),
    Link(
        "evaluate?run=OTHER&checkpoint=last",
        {RUN: OTHER, "Weights from": LAST},
        ("chart evaluate-matrix: .*'OTHER last usual'",),
    ),
    Link(
        f"{CELL}&checkpoint=best&actual=ship&predicted=bird&matrix=row_percent&order=alike",
        {"Weights from": BEST, "Actual class": "ship", "Predicted class": "bird",
         "Confusion matrix": "Row percent", "Classes": "Confused together"},
        (r"^\*\*\d+\*\* test images of the class ship, taken for bird",
         "chart evaluate-matrix: .*'MINE best alike'", "chart evaluate-matrix: .*%"),
    ),
    Link(
        f"{CELL}&actual=ship&predicted=bird&page=2",
        {"Actual class": "ship", "Predicted class": "bird", "page": "2"},
        ("of the class ship, taken for bird", "image_grid evaluate-cell: "),
        ("image_grid evaluate-cell", r"**Test image"),
        "&page=2",
    ),
    Link(
        f"{CELL}&image=3",
        {"Actual class": "airplane"},
        (r"^\*\*Test image 3\*\*, class airplane", "^picture: Test image 3, airplane, enlarged "),
    ),
    Link(
        f"{CELL}&part=sure",
        {"Details": "Calibration"},
        ("^Calibration", "chart evaluate-reliability"),
    ),
    Link(
        f"{CELL}&gallery=mistakes&of=cat&sheet=2",
        {"Details": "Galleries", "Gallery": "Most confident mistakes", "Class": "cat"},
        ("^[0-9]+ test images. ", r"^\*\*Test image \d+\*\*, cat"),
        ("image_grid evaluate-pictures",),
        "&sheet=2",
    ),
    Link(
        f"{CELL}&part=pictures&gallery=mistakes&picture=3",
        {"Gallery": "Most confident mistakes", "Class": "all classes"},
        (r"^\*\*Test image 3\*\*, airplane", "chart evaluate-picture: .*image-3'"),
    ),
    Link(
        f"{CELL}&part=random&seed=7",
        {"Details": "Random images", "Seed": "7"},
        ("^Ten random test images", "image_grid evaluate-random: "),
        ("image_grid evaluate-random",),
        "&seed=7",
    ),
    Link(
        f"{CELL}&part=compare&with=OTHER&side=neither",
        {"Details": "Compare with another run", "Compare A, shown above, with B": "other",
         "Images": "Both wrong, differently"},
        ("^A is the network shown above; B is other, last epoch", "chart evaluate-beside-B"),
    ),
    Link(
        f"{CELL}&checkpoint=epochs&epoch=2",
        {"Weights from": "Any epoch"},
        ("^Accuracy: 50.0%$", "after epoch 2, as saved during training",
         "epoch_slider .*'shown': 2,"),
    ),
    Link(
        f"{CELL}&epoch=1&gallery=late",
        {"Weights from": "Any epoch", "Gallery": "Learned late"},
        ("^Accuracy: 33.3%$", "the latest learned first", "The bars are of epoch 1"),
    ),
    # Evaluate, an ensemble
    Link(
        f"{VOTES}&show=mended&member=2&page=2&image=3",
        {"View": "Ensemble", "Images": "Corrected by the ensemble",
         "Compared with": "2 · other", "page": "2"},
        ("the ensemble is right where member 2 is wrong", "prediction_table ensemble-answers: ",
         r"^\*\*Test image 3: airplane"),
        ("prediction_table ensemble-answers",),
        "&page=2",
    ),
    Link(
        f"{VOTES}&seed=5",
        {"View": "Ensemble", "Members": ".*mine.*,.*other.*", "Images": "Random images"},
        ("prediction_table ensemble-answers: ", "^Ensemble, by sum: "),
        ("prediction_table ensemble-answers",),
        "&seed=5",
    ),
    Link(f"{VOTES}@2", {"View": "Ensemble"}, ("2 · other: .*epoch 2",)),
    Link(f"{VOTES}&weights=best", {"Weights": "Best epoch"}, ("^Ensemble, by sum: ",)),
    Link(
        "evaluate?view=ensemble&template=MINE&count=3&first=5",
        {"Experiment": "Like the run: mine", "First seed": "5"},
        ("^Trains 3 networks .*, 3 epochs each, .* from seeds 5, 6 and 7",
         "^button: Train 3 members"),
    ),
    Link(
        "evaluate?view=ensemble&preset=cifar10-ensemble&way=as-published",
        {"How to train": "As published", "Experiment": "Preset: Four networks voting"},
        ("^Trains one network for 60 epochs", "^button: Train 1 run$"),
    ),
    Link(
        f"evaluate?view=ensemble&preset=cifar10-ensemble&changes={CHANGED_MEMBER}",
        {"Experiment": "Preset: Four networks voting"},
        ("^Trains 4 networks one after another, 2 epochs each", "^button: As published$"),
    ),
    # Evaluate, a map and label doubts
    Link(
        "evaluate?view=map&run=MINE&epoch=1&color=predicted",
        {"View": "Map", "Method": "PCA", "Colour": "Predicted class"},
        ("^Neighbours kept: ", "image_map image-map-cifar10-sample: .*after epoch 1"),
        ("image_map image-map-cifar10-sample",),
        "&color=predicted",
    ),
    Link(
        "evaluate?view=doubts&members=MINE,OTHER&rank=margin&picture=3",
        {"View": "Label doubts", "Images": "Test images",
         "Most doubtful": "Margin of another class"},
        ("^All 1,000 test images, judged by 2 networks", r"^\*\*Test image 3\*\*"),
        ("image_grid doubts-grid",),
        "&rank=margin",
    ),
)  # fmt: skip
