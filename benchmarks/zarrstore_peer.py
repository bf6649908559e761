"""swyft's ZarrStore on zarr 2, driven by `store_speed.py` from an environment of its own: a command a line of JSON."""

import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import swyft  # noqa: E402
import torch  # noqa: E402


def write(path: str, images: str, chunk: int) -> float:
    """Seconds to write all simulations of a file, a chunk at a time, as swyft's own loop does."""
    with np.load(images) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    rows = len(content["z"])
    done = 0

    def sample(number: int) -> swyft.Samples:
        nonlocal done
        part = {name: values[done : done + number] for name, values in content.items()}
        done += number
        return swyft.Samples(part)

    start = time.perf_counter()
    store = swyft.ZarrStore(path)
    shapes = {name: values.shape[1:] for name, values in content.items()}
    store.init(rows, chunk, shapes, {name: "f4" for name in content})
    store.simulate(sample, batch_size=chunk)
    return time.perf_counter() - start


def read(path: str, batch: int) -> tuple[float, int]:
    """Seconds and rows of one epoch of swyft's own training loader."""
    module = swyft.SwyftDataModule(swyft.ZarrStore(path), val_fraction=0.1, batch_size=batch)
    module.setup("fit")
    start = time.perf_counter()
    rows = sum(len(part["image"]) for part in module.train_dataloader())
    return time.perf_counter() - start, rows


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        result = {"write": write, "read": read}[command.pop("do")](**command)
        print(json.dumps(result), flush=True)
