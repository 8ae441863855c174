"""OpenPose's COCO-18 skeleton: joints, limbs in the network's output order, and the paper's composite parts.

OpenPose's output has 57 channels: heat maps 0-18 (18 joints, then background), and part affinity fields (PAFs) 19-56,
two channels (x, y) per limb.
"""

JOINTS = (
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
)

LIMBS = (
    ("neck", "right_hip"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
    ("neck", "left_hip"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("neck", "right_shoulder"),
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
    ("right_shoulder", "right_ear"),
    ("neck", "left_shoulder"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("left_shoulder", "left_ear"),
    ("neck", "nose"),
    ("nose", "right_eye"),
    ("nose", "left_eye"),
    ("right_eye", "right_ear"),
    ("left_eye", "left_ear"),
)
"""Limb n has its PAF in channels 2n (x) and 2n + 1 (y) of the 38; the vector points from the first joint."""

HEATMAP_CHANNELS = len(JOINTS) + 1
PAF_CHANNELS = 2 * len(LIMBS)

PART_JOINTS = {
    "upper": ("nose", "neck", "right_eye", "left_eye", "right_ear", "left_ear"),
    "middle": ("right_shoulder", "left_shoulder", "right_elbow", "left_elbow", "right_wrist", "left_wrist"),
    "lower": ("right_hip", "left_hip", "right_knee", "left_knee", "right_ankle", "left_ankle"),
}
"""Joints of each composite part (paper, Section 3.2)."""

PART_LIMBS = {
    "upper": (
        ("neck", "nose"),
        ("nose", "right_eye"),
        ("nose", "left_eye"),
        ("right_eye", "right_ear"),
        ("left_eye", "left_ear"),
    ),
    "middle": (
        ("right_shoulder", "right_elbow"),
        ("right_elbow", "right_wrist"),
        ("neck", "right_hip"),
        ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"),
        ("neck", "left_hip"),
    ),
    "lower": (
        ("right_hip", "right_knee"),
        ("right_knee", "right_ankle"),
        ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"),
    ),
}
"""Limbs of each composite part (paper, Section 3.2); the paper lists "L-eye - nose" twice, here once."""

PARTS = tuple(PART_JOINTS)


def part_channels(part: str) -> tuple[int, ...]:
    """Channels of the 57-channel pose output that make up `part` (the set S_r of Eq. 2), ascending.

    >>> [len(part_channels(part)) for part in PARTS]
    [16, 18, 14]
    """
    joints = [JOINTS.index(joint) for joint in PART_JOINTS[part]]
    limbs = [LIMBS.index(limb) for limb in PART_LIMBS[part]]
    fields = [HEATMAP_CHANNELS + 2 * limb + axis for limb in limbs for axis in (0, 1)]
    return tuple(sorted(joints + fields))


def _swapped_side(joint: str) -> str:
    """The joint's name with left and right exchanged."""
    side, _, rest = joint.partition("_")
    return {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, joint)


MIRRORED_JOINTS = tuple(JOINTS.index(_swapped_side(joint)) for joint in JOINTS)
"""`MIRRORED_JOINTS[j]` is the joint that joint j becomes in a horizontally flipped image."""

MIRRORED_LIMBS = tuple(LIMBS.index((_swapped_side(a), _swapped_side(b))) for a, b in LIMBS)
"""`MIRRORED_LIMBS[n]` is the limb that limb n becomes in a horizontally flipped image."""
