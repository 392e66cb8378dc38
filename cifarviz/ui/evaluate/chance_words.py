"""Whether one network is better than another, or only luckier, in words."""

from cifarviz.figures.percent import percent

# What is rarer by chance is usually taken for more than chance.
_RARE = 0.05


def chance_words(only_a: int, only_b: int, chance: float) -> str:
    """What follows from the images that only A or only B gets right.

    ``chance``: how probable a split at least as uneven is if both are equally good.
    """
    total = only_a + only_b
    if not total:
        return "There is no image that only one of them gets right: nothing tells them apart."
    said = (
        f"**{total:,}** {'image is' if total == 1 else 'images are'} recognised by only one of "
        f"them: {only_a:,} by A, {only_b:,} by B. "
    )
    if only_a == only_b:
        return said + "That is as even as can be: on these images neither is better."
    said += (
        "If both were equally good, each of these would be like the toss of a coin, and a split "
        f"at least as uneven would come up in **{percent(chance)}** of all cases (McNemar’s exact "
        "test). "
    )
    if chance >= _RARE:
        return said + "That is no rarity: this does not show that either is better."
    better = "A" if only_a > only_b else "B"
    return (
        f"{said}That is hardly chance: on images like these **{better} is better**. What another "
        "seed of the training would give is another question."
    )
