"""Split tracks that mix two persons, and join tracks that are broken, by the descriptors of their crops.

    python -m reid.repair tracks --out repaired
    python -m reid.repair tracks --weights runs/adapted --out repaired --false-splits 0.01

repaired/CAMERA/TRACK/FRAME.jpg are links to the same crops; repaired/tracks.csv is their table, and tracks-report.json
says what was changed. No label is needed: two tracks that one camera sees at the same time are different persons, and
tell how alike different persons are. After an interruption, repeat the command.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from alignnet_common.files import write_json
from alignnet_common.locks import file_lock
from alignnet_common.options import save_config
from alignnet_common.run_record import command_line, now, run_record
from reid.configs.video.repair import RepairConfig
from reid.inference.describer import load
from reid.repair.describe import described
from reid.repair.folder import REPORT, remove_others, write_camera, write_table
from reid.repair.plan import FEWEST, CameraPlan, Joined, Plan, plan
from reid.repair.table import Track, read_tracks
from reid.runtime.device import device_name
from reid.runtime.run_dir import CONFIG, RESULT
from reid.tracks.records import recorded_cameras

PROG = "python -m reid.repair"


def repair(config: RepairConfig) -> None:
    """Write the repaired tracks to --out, with tracks.csv, tracks-report.json and result.json.

    Raises UserError on a folder that is none of reid tracks, an unreadable crop, weights that are not there, and an
    --out that has other tracks or that another process writes to.
    """
    assert config.tracks is not None
    started, clock = now(), time.perf_counter()
    tracks, columns = read_tracks(config.tracks)
    records = recorded_cameras(config.tracks)
    describer = load(config.weights, config.device)
    config.out.mkdir(parents=True, exist_ok=True)
    with file_lock(config.out / ".lock", f"{config.out}: another process writes tracks there"):
        with described(tracks, config.tracks, describer, config) as rows:
            found = plan(rows, config)
            for camera, some in found.cameras.items():
                record = records.get(camera, {"camera": camera})
                write_camera(config.out, config.tracks, camera, some.tracks, columns, record)
            remove_others(config.out, found.cameras)
            write_table(config.out, found.cameras, columns)
        report = {"weights": config.weights, "model_sha256": describer.sha256} | report_of(tracks, found)
        write_json(config.out / REPORT, report)
        save_config(config, config.out / CONFIG)
        seconds = time.perf_counter() - clock
        facts = run_record(command_line(PROG), config, device_name(describer.device), started, seconds)
        write_json(config.out / RESULT, {"cameras": records_of_out(records, found), "repair": report} | facts)
    print(in_words(config, report))


def records_of_out(records: Mapping[str, dict[str, Any]], found: Plan) -> dict[str, dict[str, Any]]:
    """The records of the cameras, for reid serve, with the new numbers of tracks."""
    return {
        camera: {**records[camera], "tracks": len(some.tracks), "crops": crops_of(some.tracks)}
        for camera, some in found.cameras.items()
        if camera in records
    }


def report_of(tracks: Mapping[str, Sequence[Track]], found: Plan) -> dict[str, Any]:
    """What was changed, as plain values."""
    return {
        "tracks_before": sum(map(len, tracks.values())),
        "tracks": sum(len(some.tracks) for some in found.cameras.values()),
        "pairs_seen_together": found.together,
        "split_threshold": None if found.split is None else rounded(asdict(found.split)),
        "join_threshold": None if found.join is None else rounded(asdict(found.join)),
        "splits": [each for camera, some in found.cameras.items() for each in splits_of(camera, some)],
        "joins": [words_of_join(camera, join) for camera, some in found.cameras.items() for join in some.joins],
        "pairs_within_reach": sum(some.pairs for some in found.cameras.values()),
    }


def splits_of(camera: str, plan: CameraPlan) -> list[dict[str, Any]]:
    """The splits of a camera: the track, the first frame of the later part, and the tracks that have both sides now."""
    now_in = {crop.path: track.name for track in plan.tracks for crop in track.crops}
    found = []
    for split in plan.splits:
        before, after = split.track.crops[split.crops - 1], split.track.crops[split.crops]
        found.append(
            {
                "camera": camera,
                "track": split.track.name,
                "frame": int(float(after.cells["frame"])),
                "time": after.time,
                "score": round(split.score, 4),
                "into": [now_in[before.path], now_in[after.path]],
            }
        )
    return found


def words_of_join(camera: str, join: Joined) -> dict[str, Any]:
    """A join: the track that the repaired one is called after, and the track, or part of it, that it took in."""
    names = {"camera": camera, "track": join.name, "taken_in": join.later.name}
    return names | {"score": round(join.score, 4), "gap": round(join.gap, 3)}


def rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values with floats of four digits."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in values.items()}


def crops_of(tracks: Sequence[Track]) -> int:
    """Number of crops."""
    return sum(len(track.crops) for track in tracks)


def in_words(config: RepairConfig, report: Mapping[str, Any]) -> str:
    """The outcome in one line, and what could not be done."""
    splits, joins = report["splits"], report["joins"]
    touched = len({(each["camera"], each["track"]) for each in splits})
    line = (
        f"{config.out}: {len(splits)} splits in {touched} of {report['tracks_before']} tracks, {len(joins)} joins: "
        f"{report['tracks']} tracks ({config.out / REPORT})"
    )
    if report["pairs_seen_together"] < FEWEST:
        line += (
            f"\nnote: {report['pairs_seen_together']} pairs of tracks are seen at the same time, {FEWEST} are needed: "
            "nothing is split or joined"
        )
    elif config.false_splits and report["split_threshold"] is None:
        line += (
            f"\nnote: no similarity has as few false splits as --false-splits {config.false_splits:g}: none is split"
        )
    return line
