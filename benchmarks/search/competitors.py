"""Ways to search 5120 numbers a row, each built from one file of float16 rows and then searched.

Every way is a function of the file of rows (N, D) float16 and a folder for what it builds; it returns a function from
queries (Q, D) float32 to the numbers (Q, K) of the rows found. What is in the folder is not built again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alignnet_common.arrays import Ints, Singles
from reid.index.store import IndexRow, Store, Vectors
from reid.search.nearest import top_k

Search = Callable[[Singles, int], Ints]
"""Queries (Q, D) float32 and a number K to rows (Q, K)."""

BLOCK = 512
"""Rows of a block, as many as `reid index` writes on average."""

LINKS, BREADTH = 16, 64
"""Of HNSW: M, and candidates when it is built and searched; the latter is at least the number of results."""


def parts_of(rows: Vectors, size: int = 4096) -> Iterator[tuple[int, Vectors]]:
    """Parts of rows and where they start."""
    for start in range(0, len(rows), size):
        yield start, np.array(rows[start : start + size])


def ours(rows: Vectors, folder: Path) -> Search:
    """This project's index: blocks on disk, mapped when they are searched."""
    store = Store(folder)
    there = set(store.block_keys())
    for start, part in parts_of(rows, BLOCK):
        key = f"c0-{start:09d}"
        if key not in there:
            found = [
                IndexRow("tracks", "c0", f"{start + place:09d}", f"{start + place:032x}", 9, float(place), place + 5.0)
                for place in range(len(part))
            ]
            store.add(key, found, part, [b"\xff" * 2000] * len(part))
    blocks = list(store.blocks())
    return lambda queries, k: top_k(queries, blocks, k).rows


@dataclass(frozen=True)
class Open:
    """A block whose rows stay mapped."""

    rows: Vectors

    def vectors(self) -> Vectors:
        """(N, D) float16."""
        return self.rows


def ours_open(rows: Vectors, folder: Path) -> Search:
    """This project's index, of which all blocks stay mapped between searches. It must be built by `ours`."""
    blocks = [Open(block.vectors()) for block in Store(folder.with_name("reid")).blocks()]
    return lambda queries, k: top_k(queries, blocks, k).rows


def product_float32(rows: Vectors, folder: Path) -> Search:
    """A matrix product of PyTorch, rows in memory in float32; one product, then torch.topk."""
    held = torch.empty(rows.shape)
    for start, part in parts_of(rows):
        held[start : start + len(part)] = torch.from_numpy(part)
    return lambda queries, k: (torch.from_numpy(queries) @ held.T).topk(k, dim=1).indices.numpy()


def product_bfloat16(rows: Vectors, folder: Path) -> Search:
    """A matrix product of PyTorch, rows in memory in bfloat16: not exact."""
    held = torch.empty(rows.shape, dtype=torch.bfloat16)
    for start, part in parts_of(rows):
        held[start : start + len(part)] = torch.from_numpy(part).float()
    return lambda queries, k: (torch.from_numpy(queries).bfloat16() @ held.T).float().topk(k, dim=1).indices.numpy()


def faiss_flat(rows: Vectors, folder: Path) -> Search:
    """FAISS, IndexFlatIP: float32 in memory, allocated once: `add` in parts takes up to three times the memory."""
    import faiss

    index: Any = faiss.IndexFlatIP(rows.shape[1])
    index.codes.resize(rows.size * 4)
    index.ntotal = len(rows)
    held = faiss.rev_swig_ptr(index.get_xb(), rows.size).reshape(rows.shape)
    for start, part in parts_of(rows):
        held[start : start + len(part)] = part
    return lambda queries, k: index.search(queries, k)[1]


def faiss_float16(rows: Vectors, folder: Path) -> Search:
    """FAISS, IndexScalarQuantizer: float16 in memory."""
    return faiss_index(rows, folder, "SQfp16")


def faiss_hnsw(rows: Vectors, folder: Path) -> Search:
    """FAISS, IndexHNSWSQ of float16: not exact."""
    return faiss_index(rows, folder, f"HNSW{LINKS}_SQfp16")


def faiss_index(rows: Vectors, folder: Path, kind: str) -> Search:
    """An index of FAISS by its name there."""
    import faiss

    path = folder / "faiss.index"
    if not path.is_file():
        index: Any = faiss.index_factory(rows.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
        if kind.startswith("HNSW"):
            index.hnsw.efConstruction = BREADTH
        index.train(np.array(rows[:1000], np.float32))  # float16 has nothing to learn, but must be asked to
        for _, part in parts_of(rows):
            index.add(part.astype(np.float32))
        if not kind.startswith("HNSW"):
            return lambda queries, k: index.search(queries, k)[1]
        folder.mkdir(parents=True, exist_ok=True)
        faiss.write_index(index, str(path))
    index = faiss.read_index(str(path))

    def search(queries: Singles, k: int) -> Ints:
        index.hnsw.efSearch = max(BREADTH, k)
        found: Ints = index.search(queries, k)[1]
        return found

    return search


def usearch_exact(rows: Vectors, folder: Path) -> Search:
    """USearch, exact search of float16 rows that are mapped from the disk."""
    from usearch.index import MetricKind, search

    def found(queries: Singles, k: int) -> Ints:
        keys = search(rows, queries.astype(np.float16), k, MetricKind.IP, exact=True).keys
        return np.asarray(keys, np.int64).reshape(len(queries), k)

    return found


def usearch_hnsw(rows: Vectors, folder: Path) -> Search:
    """USearch, HNSW of float16: not exact."""
    from usearch.index import Index

    path = folder / "usearch.index"
    index = Index(
        ndim=rows.shape[1], metric="ip", dtype="f16", connectivity=LINKS, expansion_add=BREADTH, expansion_search=100
    )
    if path.is_file():
        index.load(str(path))
    else:
        for start, part in parts_of(rows):
            index.add(np.arange(start, start + len(part)), part)
        folder.mkdir(parents=True, exist_ok=True)
        index.save(str(path))
    return lambda queries, k: np.asarray(index.search(queries.astype(np.float16), k).keys, np.int64).reshape(-1, k)


def lance_flat(rows: Vectors, folder: Path) -> Search:
    """LanceDB, a table of float16 vectors without an index: exact; queries one after another."""
    import lancedb
    import pyarrow

    database = lancedb.connect(str(folder))
    size = rows.shape[1]
    schema = pyarrow.schema([("row", pyarrow.int64()), ("vector", pyarrow.list_(pyarrow.float16(), size))])

    def batches() -> Iterator[object]:
        for start, part in parts_of(rows):
            vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(part.ravel()), size)
            numbers = pyarrow.array(np.arange(start, start + len(part)))
            yield pyarrow.RecordBatch.from_arrays([numbers, vectors], schema=schema)

    if (folder / "rows.lance").is_dir():
        table = database.open_table("rows")
    else:
        table = database.create_table("rows", batches(), schema=schema)

    def search(queries: Singles, k: int) -> Ints:
        found = []
        for query in queries:
            asked = table.search(query.astype(np.float16), vector_column_name="vector").distance_type("dot")
            found.append(asked.select(["row", "_distance"]).limit(k).to_arrow()["row"].to_numpy())
        return np.stack(found)

    return search


WAYS: dict[str, tuple[Callable[[Vectors, Path], Search], str]] = {
    "reid": (ours, "reid index (this project)"),
    "reid-open": (ours_open, "reid index, blocks kept open"),
    "product": (product_float32, "matrix product, float32"),
    "product-bfloat16": (product_bfloat16, "matrix product, bfloat16"),
    "faiss-flat": (faiss_flat, "FAISS flat, float32"),
    "faiss-float16": (faiss_float16, "FAISS flat, float16"),
    "usearch-exact": (usearch_exact, "USearch exact, float16"),
    "lance": (lance_flat, "LanceDB without index, float16"),
    "faiss-hnsw": (faiss_hnsw, "FAISS HNSW, float16"),
    "usearch-hnsw": (usearch_hnsw, "USearch HNSW, float16"),
}
"""Functions and their names in the table."""
