"""A rendered set on disk: layout, writer, reader, hashes, manifest, WebDataset shards and COCO export."""
