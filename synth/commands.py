"""The commands of the program synth."""

from alignnet_common.cli.commands import Command, Program

PROGRAM = Program(
    "synth",
    "synthetic person videos with exact annotations, rendered by Blender",
    (
        Command(
            "render",
            "Render a synthetic data set.",
            "synth.planning.config:RenderConfig",
            "synth.render:render",
            (
                "synth render --ids 1000                              the full data set -> data/synthetic",
                "synth render --ids 4 --frames 8 --out OUT            a few identities, in a minute",
                "synth render --ids 200 --frames 8 --outfits 4        each in four outfits, for cloth-changing re-id",
                "synth render --ids 1000 --dry-run                    estimates time and disk space",
            ),
            goes_on=True,
        ),
        Command(
            "preview",
            "Write contact sheets and statistics of a data set.",
            "synth.preview:PreviewConfig",
            "synth.preview:preview",
            ("synth preview --data data/synthetic",),
        ),
        Command(
            "verify",
            "Check every frame and annotation of a data set against its hash.",
            "synth.verify:VerifyConfig",
            "synth.verify:verify",
            ("synth verify data/synthetic", "synth verify data/synthetic --json F.json"),
        ),
        Command(
            "pack",
            "Store a data set as WebDataset shards at any address.",
            "synth.pack:PackConfig",
            "synth.pack:pack",
            ("synth pack --data data/synthetic --out s3://bucket/set",),
            goes_on=True,
        ),
        Command(
            "unpack",
            "Restore a packed data set.",
            "synth.unpack:UnpackConfig",
            "synth.unpack:unpack",
            ("synth unpack --data s3://bucket/set --out data/synthetic",),
            goes_on=True,
        ),
        Command(
            "export-coco",
            "Export the annotations as COCO keypoints.",
            "synth.export_coco:ExportConfig",
            "synth.export_coco:export",
            ("synth export-coco --data data/synthetic --out coco.json",),
        ),
        Command(
            "doctor",
            "Check Python, packages, devices, system libraries, memory and disk; say what to do.",
            "synth.doctor:DoctorConfig",
            "synth.doctor:doctor",
            ("synth doctor",),
        ),
    ),
)


def main() -> None:
    """The console command synth."""
    PROGRAM.main()
