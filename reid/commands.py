"""The commands of the program reid."""

from alignnet_common.cli.commands import Command, Program

PROGRAM = Program(
    "reid",
    "video person re-identification with part alignment and temporal attention (AlignNet, BMVC 2019)",
    (
        Command(
            "pretrain",
            "Pre-train a network on a synthetic data set.",
            "reid.configs.pretrain:PretrainConfig",
            "reid.recipes.pretrain:pretrain",
            (
                "reid pretrain                                        data/synthetic -> runs/pretrain",
                "reid pretrain --data OUT --run RUN --preset small    a small network, for a CPU",
                "reid pretrain --run RUN --resume                     continues an interrupted run",
            ),
        ),
        Command(
            "finetune",
            "Fine-tune a network on real data, and evaluate it before and after.",
            "reid.configs.finetune:FinetuneConfig",
            "reid.recipes.finetune:finetune_command",
            (
                "reid finetune --dataset prid                         data/prid2011 -> runs/finetune-prid",
                "reid finetune --dataset folder --root DIR --run RUN  your own tracklets: DIR/camera/person/frames",
                "reid finetune --dataset mars --preset paper --height 256 --width 128",
            ),
        ),
        Command(
            "tracks",
            "Find and follow persons in videos: tracklets, as crops and a table.",
            "reid.configs.video.tracks:TracksConfig",
            "reid.tracks.run:tracks",
            (
                "reid tracks entrance.mp4 yard.mp4 --out tracks       a detector that is installed apart",
                "reid tracks entrance.mp4 --boxes entrance.txt        boxes of your own detector or tracker",
            ),
            goes_on=True,
        ),
        Command(
            "repair",
            "Split tracks that mix two persons, join broken ones, by the descriptors of their crops.",
            "reid.configs.video.repair:RepairConfig",
            "reid.repair.run:repair",
            (
                "reid repair tracks --out repaired                    the tracks stay as they are",
                "reid repair tracks --weights RUN --out repaired      a network of reid adapt",
            ),
            goes_on=True,
        ),
        Command(
            "adapt",
            "Adapt a network to your own cameras, on tracklets without labels.",
            "reid.configs.adapt:AdaptConfig",
            "reid.adapt.run:adapt",
            (
                "reid adapt tracks --run runs/adapted                 tracks: camera/track/frames",
                "reid adapt list.csv --init RUN --run runs/adapted    list: path,camera,track[,start,end]",
                "reid adapt tracks --run runs/adapted --resume        continues an interrupted run",
            ),
        ),
        Command(
            "extract",
            "Describe images or tracklets by a network: descriptors of a folder, pattern or CSV file.",
            "reid.configs.extract:ExtractConfig",
            "reid.inference.extraction:extract",
            (
                "reid extract crops --weights RUN --out F.npz         one descriptor per image",
                "reid extract tracks --weights RUN --tracklets --out F.npz",
                "reid extract list.csv --weights RUN --normalize --out F.parquet",
            ),
            goes_on=True,
        ),
        Command(
            "index",
            "Keep the descriptors of tracklets in an index, in which persons are found.",
            "reid.configs.video.index:IndexConfig",
            "reid.index.run:index",
            (
                "reid index tracks --index index                      adds what is new, removes what is gone",
                "reid index tracks --weights RUN --camera-norm --index index",
                "reid index --index index --forget yard/0012          removes a tracklet for good",
            ),
            goes_on=True,
        ),
        Command(
            "search",
            "Find a person in an index: by crops, by a tracklet, or by a box in a video.",
            "reid.configs.video.search:SearchConfig",
            "reid.search.run:search",
            (
                "reid search --index index --crop person.jpg --html hits.html",
                "reid search --index index --track yard/0012 --not-cameras yard --json hits.json",
                "reid search --index index --video yard.mp4 --time 12.5 --box 240,80,60,160",
            ),
        ),
        Command(
            "serve",
            "Search in an index with a browser: choose a video, draw a box, see the hits.",
            "reid.configs.video.serve:ServeConfig",
            "reid.serve.run:serve",
            (
                "reid serve --index index                             http://127.0.0.1:8000",
                "reid serve --index index --host 0.0.0.0 --token SECRET-OF-16-OR-MORE",
            ),
        ),
        Command(
            "link",
            "Join the tracklets of an index to persons across cameras, without a query.",
            "reid.configs.video.link:LinkConfig",
            "reid.link.run:link",
            (
                "reid link --index index --out persons.csv            camera,track,person; empty: unknown",
                "reid link --index index --mot tracks-by-person       MOTChallenge text, an id for each person",
            ),
        ),
        Command(
            "evaluate",
            "Rank queries against a gallery: CMC, mAP, mINP of a network or of a file of features.",
            "reid.configs.evaluate:EvaluateConfig",
            "reid.evaluate:evaluate",
            (
                "reid evaluate --features F.npz --protocol official --json OUT.json",
                "reid evaluate --features QUERY.npz --gallery-features GALLERY.npz --page PAGE.html",
                "reid evaluate --dataset prid --root DIR --weights RUN --split 0 --json OUT.json",
                "reid evaluate --dataset prid --root DIR --weights RUNS --splits all --out DIR",
                "reid evaluate --dataset synthetic --root OUT --weights RUN --clothes all",
            ),
        ),
        Command(
            "export",
            "Write a network as ONNX, as a program of torch.export, or as a model file to share.",
            "reid.configs.export:ExportConfig",
            "reid.exporting.export:export",
            (
                "reid export --weights RUN --out F.onnx",
                "reid export --weights RUN --out F.onnx --int8 IMAGES",
                "reid export --weights RUN --out F.pt2 --format torch-export --graph both",
                "reid export --weights RUN --out F.safetensors --format safetensors --chunk 15",
            ),
        ),
        Command(
            "data",
            "Check a data set: identities, tracklets, cameras, splits, and errors.",
            "reid.configs.check_data:DataConfig",
            "reid.recipes.check_data:data",
            (
                "reid data data/prid2011 --dataset prid",
                "reid data own.csv --dataset folder --json own.json",
                "reid data data/mars --dataset mars --decode          decodes every frame",
                "reid data sample --dataset synthetic --torchreid reid-data",
            ),
        ),
        Command(
            "report",
            "Write a page about a pre-training and a fine-tuning run.",
            "reid.report:ReportConfig",
            "reid.report:report",
            ("reid report --pretrain runs/pretrain --finetune runs/finetune-prid --out runs/report",),
        ),
        Command(
            "attention",
            "Evaluate temporal attention on a synthetic data set: correlation with visibility, benefit.",
            "reid.configs.attention:AttentionConfig",
            "reid.recipes.attention:attention",
            ("reid attention --data OUT --weights RUN --json F.json",),
        ),
        Command(
            "ablation",
            "Train and evaluate the grid of the paper's Tables 1a, 1b and 2.",
            "reid.configs.ablation:AblationConfig",
            "reid.ablation.run:ablation",
            (
                "reid ablation --config jobs/ablation.yaml --dry-run  lists the trainings and their status",
                "reid ablation --config jobs/ablation-small.yaml      a small grid, for a CPU",
            ),
            goes_on=True,
        ),
        Command(
            "pose train",
            "Train a pose network on the exact joints of a synthetic data set.",
            "reid.configs.pose:PoseTrainConfig",
            "reid.pose.train:train",
            ("reid pose train --config jobs/pose-small.yaml --data OUT --run RUN",),
        ),
        Command(
            "pose evaluate",
            "Evaluate a pose network on a synthetic data set: PCKh and OKS-AP.",
            "reid.configs.pose:PoseEvaluationConfig",
            "reid.pose.evaluate:evaluate",
            ("reid pose evaluate --data OUT --weights W --json F.json",),
        ),
        Command(
            "pose predict",
            "Predict the joints of the person in each image of a folder.",
            "reid.configs.pose:PosePredictionConfig",
            "reid.pose.predict:predict",
            ("reid pose predict --images DIR --out F.npz",),
        ),
        Command(
            "pose show",
            "Draw the joints and the part attention of a pose network.",
            "reid.configs.pose:PoseSheetConfig",
            "reid.pose.show:show",
            ("reid pose show --images DIR --out F.png", "reid pose show --data OUT --weights W --out F.png"),
        ),
        Command(
            "pose parts",
            "Measure the share of each part's attention that falls on the part.",
            "reid.configs.pose:PartMassConfig",
            "reid.pose.part_attention:parts",
            (
                "reid pose parts --data OUT                           with ground-truth pose maps",
                "reid pose parts --data OUT --weights W --gains 1,30",
            ),
        ),
        Command(
            "doctor",
            "Check Python, packages, devices, system libraries, memory and disk; say what to do.",
            "reid.doctor:DoctorConfig",
            "reid.doctor:doctor",
            ("reid doctor",),
        ),
    ),
)


def main() -> None:
    """The console command reid."""
    PROGRAM.main()
