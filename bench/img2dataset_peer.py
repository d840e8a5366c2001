"""usage: PYTHON bench/img2dataset_peer.py URLS OUT SIDE PROCESSES THREADS; prints {"seconds": …, "images": …}

Runs in img2dataset's own environment, and so imports nothing of ours. Its imports are not counted.
"""

import json
import sys
import time
from pathlib import Path


def main() -> None:
    from img2dataset import download

    urls, out, side, processes, threads = sys.argv[1:6]
    resize = {"resize_mode": "keep_ratio_largest", "image_size": int(side), "resize_only_if_bigger": True}
    if side == "0":
        resize = {"resize_mode": "no", "disable_all_reencoding": True}
    started = time.monotonic()
    download(
        url_list=urls, input_format="txt", output_folder=out, output_format="files", encode_quality=90,
        processes_count=int(processes), thread_count=int(threads), number_sample_per_shard=500, compute_hash="md5",
        retries=2, timeout=30, enable_wandb=False, disallowed_header_directives=[], **resize,
    )  # fmt: skip
    seconds = time.monotonic() - started
    print(json.dumps({"seconds": seconds, "images": len(list(Path(out).rglob("*.jpg")))}))


if __name__ == "__main__":
    main()
