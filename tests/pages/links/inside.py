"""Links to Inside."""

from tests.pages.links.link import BEST, CLOTHES, LAST, MINE, OTHER, RUN, Link

INSIDE = "inside?run=MINE&image=3"

INSIDE_LINKS = (
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
         "chart mute-prediction: "),
    ),
)  # fmt: skip
