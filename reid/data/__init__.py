"""Data sets as tracklets, cut into chunks, dealt into batches, decoded and augmented."""

from reid.config import ProtocolConfig
from reid.data.market import load_market
from reid.data.prid import load_prid
from reid.data.synthetic import load_synthetic
from reid.data.tracklet import ReidData


def load_data(choice: ProtocolConfig, seed: int) -> ReidData:
    """The data set that is asked for, divided; `seed` serves where `choice.split_seed` is not given.

    Raises UserError on a missing folder, another layout, or a split that does not fit.
    """
    seed = seed if choice.split_seed is None else choice.split_seed
    match choice.dataset:
        case "prid":
            return load_prid(choice.data_root, choice.split, choice.splits, seed, choice.min_frames)
        case "market":
            return load_market(choice.data_root, seed, choice.market_test, choice.held_out)
        case "synthetic":
            return load_synthetic(choice.data_root, choice.split, seed)
