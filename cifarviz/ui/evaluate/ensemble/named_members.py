"""Members of an ensemble as the address names them: ``id``, ``id@best`` or ``id@15``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cifarviz.analysis.members import Member
from cifarviz.experiment.member_seeds import MOST_MEMBERS
from cifarviz.runs.records import Run
from cifarviz.ui.address import quoted, whole_number


@dataclass(frozen=True)
class Named:
    """The members an address names, and a sentence on each part of it that names none."""

    members: tuple[Member, ...]
    problems: tuple[str, ...]


def token(member: Member) -> str:
    """What the address says for ``member``."""
    return member.run.id if member.when == "last" else f"{member.run.id}@{member.when}"


def joined(members: Sequence[Member]) -> str | None:
    """What the address says for all of them; ``None`` for none."""
    return ",".join(map(token, members)) or None


def named_members(text: str, runs: Mapping[str, Run]) -> Named:
    """Read what ``joined`` wrote, or anybody else; ``runs`` are those there are, by their id."""
    members: list[Member] = []
    problems: list[str] = []
    for part in (one.strip() for one in text.split(",")):
        if not part:
            continue
        run_id, _, when = part.partition("@")
        run = runs.get(run_id)
        epoch = whole_number(when)
        if run is None:
            problems.append(f"There is no run {quoted(run_id)} here: it is left out.")
        elif when in ("", "last"):
            members.append(Member(run))
        elif when == "best":
            members.append(Member(run, "best"))
        elif epoch:
            members.append(Member(run, epoch))
        else:
            problems.append(
                f"{quoted(when)} is no epoch of {quoted(run.name)}: after the @ stands “best” or "
                "the number of an epoch. It is left out."
            )
    if len(members) > MOST_MEMBERS:
        problems.append(
            f"An ensemble has at most {MOST_MEMBERS} members here, and {len(members)} came: the "
            f"first {MOST_MEMBERS} are shown."
        )
    return Named(tuple(members[:MOST_MEMBERS]), tuple(problems))
