"""Links to pages from Start to the Lab."""

from tests.pages.links.link import CHANGED, PRESET, Link

TUNE = "tune?view=runs&runs=MINE,OTHER,VGG"

TRAINING_LINKS = (
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
)  # fmt: skip
