"""Every kind of link there is, with what it opens: people have them in notes and slides."""

from collections.abc import Mapping
from typing import NamedTuple

from cifarviz.experiment.address import pack_changes, preset_draft

CHANGED = pack_changes(preset_draft("cifar10-vgg", 1).with_value("epochs", 3))
CHANGED_MEMBER = pack_changes(preset_draft("cifar10-ensemble", 1).with_value("epochs", 2))

PRESET = "Preset"
RUN = "Run"
MINE, OTHER, CLOTHES = "mine ·", "other ·", "clothes ·"
LAST, BEST = r"Last epoch \(after epoch 3\)", r"Best epoch 3 \(lowest validation loss\)"


class Link(NamedTuple):
    """``page?parameters``, with names of ``linked_home`` for ids, and what it opens.

    ``chosen``: what widgets stand at, by their labels, or how that begins. ``shown``: patterns of
    lines that are drawn; one that begins with "no:" must not be. ``other_than``: of the lines that
    begin so, in each some are not those of the page that ``link`` without ``without`` opens:
    so it is with pictures, of which a test sees only whether they are the same.
    """

    link: str
    chosen: Mapping[str, str]
    shown: tuple[str, ...]
    other_than: tuple[str, ...] = ()
    without: str = ""


TUNE = "tune?view=runs&runs=MINE,OTHER,VGG"
INSIDE = "inside?run=MINE&image=3"
CELL = "evaluate?run=MINE"
VOTES = "evaluate?view=ensemble&members=MINE,OTHER"
STAGE = "present?run=MINE&scene"

LINKS = (
    # Start
    Link("start", {}, ("^cifarviz$", "^button: Open the newest network", r"^\*\*mine\*\*")),
    Link("start?labels=ko", {"Class names": "한국어"}, ("비행기",)),
    # Data
    Link("data", {}, ("^Import pictures$", "^button: Read the pictures")),
    Link("data?from=camera", {"Where the pictures come from": "From the camera"},
         ("The camera is only offered", "no:^button: Read the pictures")),
    # Samples
    Link(
        "samples",
        {"Data set": "CIFAR-10", "Sample or full set": "Embedded sample", "Split": "Training",
         "Show": "Random images", "Number of images": "50", "Seed": "777", "Classes": ""},
        ("^50 of 5,000 training images in the embedded sample, drawn with seed 777",),
    ),
    Link(
        "samples?dataset=fashion-mnist",
        {"Data set": "Fashion-MNIST"},
        ("28 × 28 pixels", "image_grid samples-grid: .*(Sneaker|Sandal|Bag), training image"),
    ),
    Link(
        "samples?variant=full",
        {"Sample or full set": "Embedded sample"},
        ("^The full CIFAR-10 set is not on this machine yet", "The embedded sample is shown"),
    ),
    Link("samples?split=test", {"Split": "Test"}, ("^50 of 1,000 test images",)),
    Link(
        "samples?split=test&count=12&seed=42&classes=cat,dog",
        {"Number of images": "12", "Seed": "42", "Classes": "cat,dog", "Split": "Test"},
        ("^12 of 200 test images of cat and dog .* drawn with seed 42",
         "image_grid samples-grid: .*'count': 12"),
    ),
    Link(
        "samples?view=published",
        {"Show": "Nine images from the original tutorial"},
        ("^Nine images from", "image_grid samples-grid: .*'count': 9"),
    ),
    Link(
        "samples?augment=rotation=20,mixup=0.4&draw=2&classes=cat,truck",
        {"Rotation": "20", "Mixup": "0.4", "Zoom": "0"},
        ("^The first 12 images drawn", "no:samples-grid",
         r"image_grid augmentation-examples: .*\d+% (cat|truck), \d+%",
         "^Below each image what training makes of it with rotation 20, mixup 0.4"),
        ("image_grid augmentation-examples",), "&draw=2",
    ),
    Link("samples?divisor=100", {"Custom divisor": "100"}, (r"^\| ÷ 100 \| 0.000 \| 2.550",)),
    Link(
        "samples?dataset=cifar10&split=test&image=3",
        {"Split": "Test"},
        ("^dialog: airplane · test image 3$", "^picture: airplane, test image 3 "),
    ),
    Link(
        "samples?count=3&classes=cat&labels=ko",
        {"Classes": "고양이"},
        ("^3 of 500 training images of 고양이", "image_grid samples-grid: .*고양이"),
    ),
    # Train, set up
    Link(
        "train",
        {"View": "Set up", PRESET: "A first network"},
        ("^button: Train$", r"^\*\*122,570 parameters", "^No changes from"),
    ),
    Link(
        "train?view=setup&preset=cifar10-vgg",
        {"View": "Set up", PRESET: "Overfitting and feature maps"},
        (r"^\*\*814,122 parameters", "^No changes from"),
    ),
    Link(
        "train?preset=cifar10-vgg&part=data",
        {"Data set": "CIFAR-10", "Validation": ".+", PRESET: "Overfitting and feature maps"},
        ("^## Images$", "^## Augmentation", "no:^## Optimiser", "no:augmentation-examples"),
    ),
    Link(
        "train?preset=cifar10-separable&part=data&examples=3",
        {"Shift": "2"},
        ("^## Augmentation", "image_grid augmentation-examples: .*'count': 48",
         "^Below each image what training makes of it with flip, shift 2"),
    ),
    Link(
        f"train?preset=cifar10-vgg&changes={CHANGED}&part=training",
        {PRESET: "Overfitting and feature maps", "Number of epochs": "3"},
        (r"number of epochs 30 → 3", "^## Optimiser", "no:^No changes from"),
    ),
    Link(
        "train?view=setup&run=OTHER",
        {"View": "Set up", PRESET: "A first network"},
        (r"seed 0 → 2", r"^\*\*5,738 parameters", "^6 filters 3×3"),
    ),
    # Train, watch
    Link(
        "train?view=watch&run=OTHER",
        {"View": "Watch"},
        ("^other$", "All 3 epochs are done", "chart live-loss: .*Loss of “other”"),
    ),
    Link(
        "train?view=watch",
        {"View": "Watch"},
        ("^mine$", "chart live-loss: .*Loss of “mine”"),
    ),
    Link(
        "train?view=watch&run=VGG&ghost=1",
        {"View": "Watch"},
        ("^as published$", "^button: Hide the published curves",
         "chart live-loss: .*Published training"),
    ),
    Link(
        "train?view=watch&run=VGG",
        {"View": "Watch"},
        ("^button: Show the published curves", "no:chart live-loss: .*Published training"),
    ),
    # Tune
    Link("tune", {"View": "Studies"}, ("^A study trains the same", "^button: Start 20 trials")),
    Link(
        "tune?view=studies&preset=cifar10-vgg&vary=dropout=range:0:0.5;flip=on,off&sampler=random"
        "&pruner=none&goal=loss&trials=7&minutes=3&within=30&atonce=2",
        {"What to reach": "Lowest loss", "Trials": "7", "At most minutes": "3",
         "Seconds of training": "30", "Trials at once": "2"},
        ("^Draws every value anew", "^Trains every trial to its end", "^button: Start 7 trials"),
    ),
    Link("tune?view=runs", {"View": "From runs"}, ("^Tick two or more runs", "^link: Choose runs")),
    Link(TUNE, {"Best is": "Validation accuracy", "Chart": "Parallel coordinates"},
         ("tune-runs-parallel: .*'learning rate'", "^link: 3 runs: c", "^link: Take as base on")),
    Link(f"{TUNE}&goal=loss&chart=history",
         {"Best is": "Validation loss", "Chart": "History"}, ("-history: .*'Best so far'",)),
    Link(f"{TUNE}&chart=epochs", {"Chart": "Epochs"}, ("chart tune-runs-epochs: .*'Best'",)),
    Link(f"{TUNE}&chart=importance", {"Chart": "Importance"}, ("^Too few trials to tell",)),
    Link(f"{TUNE}&chart=slices", {}, ("chart tune-runs-slices: .*'learning rate'",)),
    Link(f"{TUNE}&chart=contour&x=batch_size&y=optimizer.learning_rate",
         {"Across": "batch size", "Upwards": "learning rate"}, ("chart tune-runs-contour: ",)),
    # Runs
    Link(
        "runs",
        {"State": "Any", "Order": "Newest first", "Stars": "All", "Find": ""},
        ("^Tick a run to open", r"^,mine,(.|\n)*^★,other,(.|\n)*^,clothes,"),
    ),
    Link(
        "runs?runs=MINE,OTHER",
        {"Curves": "Training and validation", "Smoothing": "Off", "Loss axis": "Linear"},
        ("^2 runs compared$", "chart runs-loss: .*Loss of other, mine", "^seed,2,0"),
    ),
    Link(
        "runs?run=MINE",
        {"Weights from": "Last epoch"},
        ("^finished · id MINE ", "chart runs-loss: .*Loss of mine'",
         r"^link: Evaluate evaluate\?run=MINE"),
    ),
    Link(
        "runs?runs=MINE,OTHER&smooth=3&axis=log",
        {"Smoothing": "3 epochs", "Loss axis": "Logarithmic"},
        ("chart runs-loss: .*'type': 'log'",),
        ("chart runs-loss", "chart runs-accuracy"),
        "&smooth=3&axis=log",
    ),
    Link(
        "runs?runs=MINE,OTHER&curves=validation",
        {"Curves": "Validation only"},
        ("chart runs-loss: .*'Validation loss'", "no:chart runs-loss: .*'name': 'Training'"),
        ("chart runs-loss", "chart runs-accuracy"),
        "&curves=validation",
    ),
    Link(
        "runs?runs=VGG&ghost=1",
        {},
        ("^button: Hide the published curves", "chart runs-loss: .*[Pp]ublished"),
    ),
    Link(
        "runs?state=finished&preset=cifar10-vgg&data=cifar10-full&find=pub",
        {"State": "Finished", PRESET: "cifar10-vgg", "Data": "CIFAR-10 full", "Find": "pub"},
        ("^,as published,", "no:,mine,", "no:,clothes,"),
    ),
    Link("runs?starred=1", {"Stars": "Starred"}, ("^★,other,", "no:,mine,")),
    Link(
        "runs?sort=name",
        {"Order": "Name"},
        (r"^,as published,(.|\n)*^,clothes,(.|\n)*^,mine,(.|\n)*,other,",),
    ),
    # Lab
    Link(
        "lab",
        {"View": "Duel", "What to vary": "Augmentation", "Epochs": "40", "Seed": "1"},
        ("^Trains 2 runs one after another, 40 epochs", "^Width: narrow against wide$"),
    ),
    Link(
        "lab?thing=dropout&values=0,0.15,0.5&images=700&epochs=5&seed=9",
        {"What to vary": "Dropout", "Training images": "700", "Epochs": "5", "Seed": "9",
         "Choose 2 or 3 to compare": "no dropout,dropout 0.15,dropout 0.5"},
        ("^Trains 3 runs .*, 5 epochs each at most, on 700 .* from seed 9",
         "^button: Train 3 runs"),
    ),
    Link(
        "lab?view=memorisation&percent=30&data=fashion-mnist",
        {"View": "Memorisation", "Wrong labels, %": "30", "Images": "Fashion-MNIST, sample"},
        ("^Some training images get a wrong label", "sample of Fashion-MNIST"),
    ),
    Link("lab?view=sizes", {"View": "Too little data"}, ("on few images, then on more",)),
    Link("lab?view=cures", {"View": "Cures"}, ("the usual cures",)),
    Link("lab?view=transfer", {"View": "Transfer"}, ("^button: Make two data sets",)),
    Link(
        "lab?view=duel&series=DUEL",
        {"View": "Duel"},
        ("^Width: narrow against wide$", "chart lab-accuracy: .*narrow", r"^narrow,finished"),
    ),
    Link(
        "lab?view=memorisation&series=HEART&gallery=never",
        {"View": "Memorisation", "Order": "Not learned"},
        ("^3 images. Below each", "image_grid lab-pictures: .*'count': 3"),
    ),
    Link(
        "lab?view=memorisation&series=HEART&gallery=last&picture=35268",
        {"Order": "Learned last"},
        ("^37 images; the first 24", "^..Training image 35268.. shows: "),
    ),
    # Inside
    Link(
        "inside",
        {RUN: MINE, "Weights from": LAST, "Image": "Test images", "Image number": "1",
         "Compare with": "nothing", "Order of channels": "Number", "Scale": "Per channel"},
        (r"^\*\*Test image 1, ship", "^The network predicts", "image_grid maps-conv2d_2: "),
    ),
    Link(
        "inside?run=OTHER&image=19",
        {RUN: OTHER, "Image number": "19"},
        (r"^\*\*Test image 19, ", "image_grid maps-conv2d_1: "),
        ("image_grid maps-conv2d_1", "picture: "),
        "run=OTHER&",
    ),
    Link(
        "inside?run=MINE&checkpoint=best",
        {"Weights from": BEST},
        (r"^\*\*Test image 1, ship", "no:epoch_slider"),
    ),
    Link(
        "inside?run=MINE&checkpoint=epochs&epoch=1&image=3",
        {"Weights from": "Any epoch", "Image number": "3"},
        ("epoch_slider epoch-slider: .*'shown': 1,", r"^\*\*Test image 3, airplane"),
        ("chart inside-answer", "chart bars-dense_1"),
        "&checkpoint=epochs&epoch=1",
    ),
    Link(
        "inside?run=MINE&epoch=0",
        {"Weights from": "Any epoch"},
        ("epoch_slider epoch-slider: .*'shown': 0,",),
        ("image_grid maps-conv2d_1", "image_grid filters"),
        "&epoch=0",
    ),
    Link(
        "inside?run=MINE&dataset=cifar10&split=train&image=23",
        {"Image": "Training images", "Image number": "23"},
        (r"^\*\*Training image 23, ", "picture: Heatmap of .* in Training image 23 "),
    ),
    Link(
        "inside?dataset=fashion-mnist&split=test&image=2",
        {RUN: CLOTHES, "Image number": "2"},
        (r"^\*\*Test image 2, Trouser",),
    ),
    Link("inside?run=MINE&split=upload", {"Image": "Upload"}, ("^Choose an image file",)),
    Link(
        f"{INSIDE}&layer=conv2d_2&channel=3",
        {"Image number": "3"},
        ("^dialog: Channel of conv2d_2", r"^\*\*Channel 3\*\* of 8",
         r"image_grid maps-conv2d_2: \[3,", "chart channel-map: .*channel 3 of conv2d_2"),
    ),
    Link(
        f"{INSIDE}&order=strength&scale=layer&colors=magma",
        {"Order of channels": "Strength", "Scale": "Per layer", "Colours": "Magma"},
        ("the layer’s smallest value", "image_grid maps-conv2d_2: .*'Channel [0-7]', 'Channel"),
        ("image_grid maps-conv2d_1", "<div style="),
        "&order=strength&scale=layer&colors=magma",
    ),
    Link(
        f"{INSIDE}&filters=layer",
        {"Scale of filters": "Shared"},
        ("^conv2d_1 · 6 filters",),
        ("image_grid filters",),
        "&filters=layer",
    ),
    Link(
        f"{INSIDE}&look=conv2d_1&class=cat",
        {"Layer": "conv2d_1", "Other class": "cat"},
        ("^picture: Heatmap of cat in Test image 3 ", r"^\*\*cat\*\*, "),
        ("picture: Heatmap of cat",),
        "&look=conv2d_1",
    ),
    Link(
        f"{INSIDE}&heat=occlusion&patch=12&class=cat",
        {"Method": "Occlusion", "Patch": "12 × 12 pixels", "Other class": "cat"},
        (r"^\*\*cat\*\*, |^Computing …",),
    ),
    Link(
        f"{INSIDE}&heat=gradients&from=black",
        {"Method": "Integrated gradients", "Baseline": "Black"},
        ("Sundararajan",),
    ),
    Link(
        "inside?run=MINE&view=weights&values=activations",
        {"Values": "Activations"},
        ("^Computing …|^chart layer-histories",),
    ),
    Link(
        f"{INSIDE}&file=conv2d_2",
        {"Layer to download": "conv2d_2"},
        ("^button: Picture$", "no:^button: Pictures$"),
    ),
    Link(
        f"{INSIDE}&with=MINE&at=0&order=change",
        {"Compare with": "this run at another epoch", "Weights on the right": "before training",
         "Order of channels": "Change"},
        (r"^\*\*Last epoch \(after epoch 3\)\*\* predicts", r"^\*\*Before training\*\* predicts",
         "image_grid maps-right-conv2d_1: "),
    ),
    Link(
        f"{INSIDE}&with=OTHER&at=last&layer=conv2d_2&channel=3&side=right",
        {"Compare with": OTHER, "Weights on the right": r"last epoch \(after epoch 3\)"},
        (r"^\*\*mine, last epoch \(after epoch 3\)\*\* predicts",
         r"image_grid maps-right-conv2d_2: \[3,",
         r"image_grid maps-conv2d_2: \[None,", r"^other · last epoch \(after epoch 3\) · Test im"),
    ),
    Link(
        f"{INSIDE}&view=step&layer=conv2d_2&channel=3&pixel=2,5",
        {"View": "Step through", "Layer": "conv2d_2", "Channel": "3"},
        (r"^step_through step-through: .*\[2, 5\].*'channel 3'", "Padding counts as 0"),
    ),
    Link(
        f"{INSIDE}&view=mute&layer=conv2d_2&off=conv2d_2:1,4-6;conv2d_1:2&click=keep",
        {"View": "Mute", "Layer": "conv2d_2", "A click": "Click keeps only"},
        ("^Nothing|^..5 channels muted", "image_grid mute-conv2d_2: .*'muted': .1, 4, 5, 6.",
         "chart mute-answer: "),
    ),
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
    # Predict
    Link(
        "predict",
        {RUN: MINE, "Weights from": LAST, "Fit to square": "Crop", "Image number": "",
         "Or choose from the data set": "Test"},
        ("^No file at hand", r"image_grid predict-examples: \[None"),
    ),
    Link(
        "predict?run=OTHER&checkpoint=last&split=test&image=3&fit=pad",
        {RUN: OTHER, "Weights from": LAST, "Fit to square": "Pad", "Image number": "3"},
        ("^## Test image 3, airplane", r"image_grid predict-examples: \[0,"),
        ("chart predict-answer",),
        "run=OTHER&",
    ),
    Link(
        "predict?run=MINE&checkpoint=best&dataset=cifar10&split=train&image=23",
        {"Weights from": BEST, "Or choose from the data set": "Training", "Image number": "23"},
        ("^## Training image 23, frog", "^The network learned from this image"),
    ),
    Link(
        "predict?run=MINE&checkpoint=epochs&epoch=1&image=3",
        {"Weights from": "Any epoch", "Image number": "3"},
        ("epoch_slider epoch-slider: .*'shown': 1,", "^## Test image 3, airplane"),
        ("chart predict-answer",),
        "&checkpoint=epochs&epoch=1",
    ),
    Link(
        "predict?run=MINE&image=3&try=compare&with=OTHER,MINE@best",
        {"Try with this picture": "Compare networks", "Compare with": ".*other.*"},
        ("chart predict-comparison", "^Together the networks predict"),
    ),
    Link(
        "predict?run=MINE&from=camera",
        {"Your picture": "From the camera"},
        ("camera_picture predict-camera",),
    ),
    Link(
        "predict?run=CLOTHES&invert=no",
        {RUN: CLOTHES, "Swap light and dark": "Never"},
        ("image_grid predict-examples: .*'Trouser'",),
    ),
    Link(
        "predict?dataset=fashion-mnist&image=2",
        {RUN: CLOTHES, "Image number": "2", "Swap light and dark": "If background is light"},
        ("^## Test image 2, Trouser",),
    ),
    Link(
        "predict?run=OTHER&image=3&try=break&change=blur&amounts=rotation:-30,blur:1.5",
        {"Try with this picture": "Break it", "Curves over": "Blur", "Rotation": "-30.0",
         "Blur": "1.5"},
        ("Rotation −30° · Blur 1.5 px", "chart predict-sweep: "),
        ("chart predict-sweep",),
        "change=blur&amounts=rotation:-30,blur:1.5",
    ),
    Link(
        "predict?run=OTHER&image=3&try=push&method=pgd&target=cat&epsilon=3&fooled=MINE",
        {"Try with this picture": "A small push", "Method": "PGD", "Push towards": "cat",
         "Size ε, levels of 255": "3", "Other networks": "mine"},
        ("by more than \\*\\*3 of 255 levels", "chart predict-push: "),
        ("chart predict-push",),
        "method=pgd&target=cat",
    ),
    # Present
    Link(
        "present",
        {},
        ("^60,000 small pictures in ten classes", "presenter presenter: .*'notes': False"),
    ),
    Link(f"{STAGE}=network", {}, ("^6 layers, 5,738 parameters", "present-network")),
    Link(
        f"{STAGE}=training&at=1.5&pace=5x&notes=1",
        {RUN: MINE},
        ("^3 epochs of 5,000 images", "presenter presenter: .*'notes': True",
         "replay present-replay: .*'at': 1.5", "replay present-replay: .*'pace': '5x'"),
    ),
    Link(f"{STAGE}=overfitting", {}, ("^Too early to say$", "replay present-overfitting: ")),
    Link(
        "present?run=MINE&choose=1",
        {},
        ("^Choose a run", "presenter presenter: .*'choosing': True"),
    ),
    Link("present?run=MINE&speaker=1", {}, ("speaker speaker", "no:presenter presenter")),
    Link(
        f"{STAGE}=maps&layer=conv2d_2&image=67&epoch=1&notes=1",
        {RUN: MINE, "Layer": "conv2d_2", "Picture": ".*test image 67"},
        ("^Feature maps after the second convolution", "Test image 67,",
         "epoch_slider .*'shown': 1,"),
    ),
    Link(
        f"{STAGE}=mistakes&epoch=2&notes=1",
        {RUN: MINE, "After epoch": "2"},
        ("30 of 60 validation images wrong .after epoch 2.",),
    ),
    Link(f"{STAGE}=photo&photo=camera", {"Photo from": "Camera"}, ("^What is in your photo",)),
    Link("present?scene=data&run=CLOTHES&labels=ko", {}, ("present-classes", "스니커즈")),
)  # fmt: skip
