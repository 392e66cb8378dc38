"""Links to Predict and Present."""

from tests.pages.links.link import BEST, CLOTHES, LAST, MINE, OTHER, RUN, Link

STAGE = "present?run=MINE&scene"

PREDICT_LINKS = (
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
        "predict?run=MINE&image=3&view=compare&with=OTHER,MINE@best",
        {"View": "Compare networks", "Compare with": ".*other.*"},
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
        "predict?run=OTHER&image=3&view=break&change=blur&amounts=rotation:-30,blur:1.5",
        {"View": "Break it", "Curves over": "Blur", "Rotation": "-30.0",
         "Blur": "1.5"},
        ("Rotation −30° · Blur 1.5 px", "chart predict-sweep: "),
        ("chart predict-sweep",),
        "change=blur&amounts=rotation:-30,blur:1.5",
    ),
    Link(
        "predict?run=OTHER&image=3&view=push&method=pgd&target=cat&epsilon=3&fooled=MINE",
        {"View": "A small push", "Method": "PGD", "Push towards": "cat",
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
