"""Many videos: manifests of them, their results in partitions, and all results in one table.

A manifest is a Parquet file with a row for each source. Its ids are made of the URIs alone, so that shards of a
manifest never overlap, and each result has one place. What is finished is known by the outcomes that are written down
beside the results, and by each result's own summary.
"""
