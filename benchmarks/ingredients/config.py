"""The ingredients by name, and the options of python -m benchmarks.ingredients."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reid.configs.groups.model import SMALL_POSE_STAGES, SMALL_POSE_WEIGHTS, SMALL_POSE_WIDTH

PLAIN = "plain"
"""Name of the recipe without an ingredient."""

SET_HERE = frozenset({"config", "data", "run", "ids", "epochs", "seed"})
"""Options of reid.pretrain that the benchmark sets."""


@dataclass(frozen=True)
class Ingredient:
    """A change of the plain recipe."""

    options: tuple[str, ...] = ()
    """Options of reid.pretrain."""

    people: int = 1
    """Factor on the number of identities."""

    steps: int = 1
    """Factor on the number of steps."""

    flip_test: bool = False
    """Whether descriptors are means over images and their mirror images, which changes no training."""

    @property
    def training(self) -> tuple[tuple[str, ...], int, int]:
        """What the training depends on."""
        return self.options, self.people, self.steps


PARTS = (
    "--variant=align-tap",
    "--tap-channels=64",
    f"--pose-weights={SMALL_POSE_WEIGHTS}",
    f"--pose-stages={SMALL_POSE_STAGES}",
    f"--pose-width={SMALL_POSE_WIDTH}",
    "--lr-pose=0",
    "--pose-maps=truth",
)
"""Body parts by the shipped pose network, which is frozen; in training, maps of the exact joints take its place."""

INGREDIENTS = {
    "no-neck": Ingredient(("--neck=none",)),
    "no-unit-length": Ingredient(("--no-unit-length",)),
    "ibn": Ingredient(("--appearance=tf_efficientnet_lite0_ibn_a",)),
    "gem": Ingredient(("--pooling=gem",)),
    "background-swap": Ingredient(("--new-place=0.7",)),
    "mixstyle": Ingredient(("--mixstyle=0.5",)),
    "label-smoothing": Ingredient(("--label-smoothing=0.1",)),
    "no-erasing": Ingredient(("--erase=0",)),
    "stride-32": Ingredient(("--stride=32",)),
    "more-steps": Ingredient(steps=2),
    "more-people": Ingredient(people=3),
    "parts": Ingredient(PARTS),
    "flip-test": Ingredient(flip_test=True),
}
"""Changes of the plain recipe by name."""


@dataclass(frozen=True)
class IngredientsConfig:
    """Train a plain recipe with one change at a time, and write a table of direct transfer to Market-1501."""

    data: Path
    """Rendered set to train on; "sample" = the set that is installed with the package. The row with more people needs
    three times --ids."""

    market: Path
    """Folder of Market-1501, which contains bounding_box_train."""

    out: Path = Path("runs/ingredients")
    """Folder for the runs, ingredients.json, and ingredients.md with the table."""

    job: Path = Path("jobs/ingredients.yaml")
    """YAML file with the options of every training (a job of reid.pretrain), apart from --ids and --epochs."""

    appearance_weights: Path | None = None
    """File of the backbone's initial weights (benchmarks.convert_efficientnet_lite). Default: as in the job."""

    only: tuple[str, ...] = tuple(INGREDIENTS)
    """Names of the changes, made one at a time. The plain recipe is always trained."""

    together: tuple[str, ...] = ()
    """Names of changes that one more row has together, called ibn+gem."""

    seeds: int = 3
    """Number of seeds of each training: 0, 1, 2, … The test identities do not depend on them."""

    ids: int = 300
    """Identities of the set to train on, the first ones."""

    steps: int = 300
    """Training steps, rounded to whole epochs."""

    test_ids: int = 250
    """Number of Market-1501's training identities to test on, evenly spread; 0: all of them."""

    at_once: int = 0
    """Number of simultaneous trainings, one thread each; 0: as many as there are cores."""

    options: dict[str, str] = field(default_factory=dict)
    """Further options of every training: --options.stride 32."""

    def __post_init__(self) -> None:
        """Check the names and the ranges of the values."""
        for flag, names in (("--only", self.only), ("--together", self.together)):
            unknown = next((name for name in names if name not in INGREDIENTS), None)
            if unknown is not None:
                raise ValueError(f"{flag} {unknown}: unknown; choose from {', '.join(INGREDIENTS)}")
        if self.seeds < 1 or self.ids < 2 or self.steps < 1:
            raise ValueError("--seeds and --steps must be at least 1, and --ids at least 2")
        if self.at_once < 0 or self.test_ids < 0:
            raise ValueError("--at-once and --test-ids must not be negative")
        if taken := SET_HERE & self.options.keys():
            raise ValueError(f"--options.{min(taken)}: the benchmark sets it by its own options")

    @property
    def rows(self) -> dict[str, Ingredient]:
        """The rows of the table by name."""
        rows = {PLAIN: Ingredient(), **{name: INGREDIENTS[name] for name in self.only}}
        if self.together:
            rows["+".join(self.together)] = combined([INGREDIENTS[name] for name in self.together])
        return rows


def combined(some: Sequence[Ingredient]) -> Ingredient:
    """All of these ingredients in one recipe."""
    return Ingredient(
        tuple(word for each in some for word in each.options),
        max(each.people for each in some),
        max(each.steps for each in some),
        any(each.flip_test for each in some),
    )
