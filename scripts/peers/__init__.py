"""What `bench_peers.py` measures: a file for each modality, `common.py` for what they share."""
