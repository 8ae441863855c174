"""All readers by name."""

from benchmarks.faults.fuzzing import of_runs, of_sets, of_tables, of_videos

READERS = {
    reader.name: reader for reader in (*of_sets.READERS, *of_tables.READERS, *of_videos.READERS, *of_runs.READERS)
}
"""Readers by the name that the command takes."""
