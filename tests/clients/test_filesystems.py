"""s3fs (fsspec's S3, on aiobotocore) and obstore (Rust's object_store: also under polars, delta-rs and others)."""

import uuid
from typing import Any

import pytest

S3FS = """
import os, s3fs, sys
bucket = sys.argv[1]
fs = s3fs.S3FileSystem(client_kwargs={"region_name": os.environ["AWS_REGION"]})  # its mkdir needs it, on AWS too
fs.mkdir(bucket)
body = bytes(range(256)) * 60_000                       # three parts of 5 MiB
with fs.open(f"{bucket}/dir/big.bin", "wb", block_size=5 << 20) as file:
    for start in range(0, len(body), 1 << 20):
        file.write(body[start : start + (1 << 20)])
assert fs.cat(f"{bucket}/dir/big.bin") == body
assert fs.cat_file(f"{bucket}/dir/big.bin", start=1000, end=70_000) == body[1000:70_000]
with fs.open(f"{bucket}/dir/big.bin", "rb") as file:
    file.seek(9_999_999)
    assert file.read(100) == body[9_999_999:10_000_099]
fs.pipe({f"{bucket}/many/{n:02d}": b"%d" % n for n in range(30)})
assert len(fs.ls(f"{bucket}/many")) == 30
assert fs.glob(f"{bucket}/many/0[1-3]") == [f"{bucket}/many/0{n}" for n in (1, 2, 3)]
fs.mv(f"{bucket}/many/00", f"{bucket}/moved here/00+%20")
assert fs.cat(f"{bucket}/moved here/00+%20") == b"0" and not fs.exists(f"{bucket}/many/00")
fs.invalidate_cache()
assert fs.du(bucket) == len(body) + 9 + 2 * 20 + 1
assert fs.info(f"{bucket}/dir/big.bin")["ETag"].endswith('-3"')
fs.rm(bucket, recursive=True)
assert not fs.exists(bucket)
print("well")
"""

OBSTORE = """
import obstore as obs, sys
from obstore.store import S3Store
store = S3Store(sys.argv[1])
body = bytes(range(256)) * 60_000
obs.put(store, "dir/big.bin", body, use_multipart=True, chunk_size=5 << 20, max_concurrency=3)
assert bytes(obs.get(store, "dir/big.bin").bytes()) == body
assert bytes(obs.get_range(store, "dir/big.bin", start=1000, end=70_000)) == body[1000:70_000]
assert [bytes(b) for b in obs.get_ranges(store, "dir/big.bin", starts=[0, 9_000_000], ends=[3, 9_000_004])] == [
    body[:3], body[9_000_000:9_000_004]]
for n in range(30):
    obs.put(store, f"many/{n:02d} +%20", b"%d" % n)
found = [each["path"] for batch in obs.list(store, "many", chunk_size=7) for each in batch]
assert found == [f"many/{n:02d} +%20" for n in range(30)], found
assert obs.list_with_delimiter(store)["common_prefixes"] == ["dir", "many"]
try:
    obs.put(store, "many/00 +%20", b"again", mode="create")
except obs.exceptions.AlreadyExistsError:
    pass
else:
    raise AssertionError("put with mode=create replaced an object")
obs.copy(store, "many/00 +%20", "copy/00")
obs.rename(store, "copy/00", "renamed/00")
assert bytes(obs.get(store, "renamed/00").bytes()) == b"0"
writer = obs.open_writer(store, "written.bin", buffer_size=5 << 20)
for start in range(0, len(body), 1 << 20):
    writer.write(body[start : start + (1 << 20)])
writer.close()
assert obs.head(store, "written.bin")["size"] == len(body)
everything = [each["path"] for batch in obs.list(store) for each in batch]
obs.delete(store, everything)
assert not [each for batch in obs.list(store) for each in batch]
print("well")
"""


@pytest.mark.parametrize(("environment", "program"), [("s3fs", S3FS), ("obstore", OBSTORE)])
def test_round_trips(platform: Any, outside: Any, way: str, environment: str, program: str) -> None:
    bucket = f"{environment}-{uuid.uuid4().hex}"
    if environment == "obstore":  # object_store makes no buckets
        place = {"LocationConstraint": "us-west-2"}
        platform.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    done = outside(way, environment, "python", "-c", program, bucket)
    assert (done.returncode, done.stdout) == (0, "well\n"), done.stderr
