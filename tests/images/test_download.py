"""A script's archive comes from S3 without boto3, by the job's role."""

import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from clary.images.image import FOLDER
from conftest import CLARY, Platform

CODE = "import sys; from pathlib import Path; from runtime.s3 import download; download(sys.argv[1], Path(sys.argv[2]))"


def test_download(platform: Platform, tmp_path: Path) -> None:
    s3 = platform.client("s3")
    s3.create_bucket(Bucket="script-code", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.put_object(Bucket="script-code", Key="a b/ü+~(1).tar.gz", Body=b"packed")
    told = subprocess.run([CLARY, "env", "--json", "--home", platform.home], capture_output=True, text=True, check=True)
    role = json.loads(told.stdout)
    keys = {
        "AccessKeyId": role["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": role["AWS_SECRET_ACCESS_KEY"],
        "Token": role["AWS_SESSION_TOKEN"],
    }

    class Credentials(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.headers["Authorization"] == "sesame"
            self.send_response(200 if known else 403)
            self.end_headers()
            self.wfile.write(json.dumps(keys).encode() if known else b"no")

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Credentials) as server:
        threading.Thread(target=server.serve_forever).start()
        environment = {
            **os.environ,
            "PYTHONPATH": str(FOLDER),
            "AWS_ENDPOINT_URL": platform.url,
            "AWS_REGION": "us-west-2",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_port}/keys",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "sesame",
        }

        def download(url: str) -> "subprocess.CompletedProcess[str]":
            command = [sys.executable, "-c", CODE, url, str(tmp_path / "got")]
            return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

        came = download("s3://script-code/a b/ü+~(1).tar.gz")
        missing = download("s3://script-code/none")
        server.shutdown()
    assert came.returncode == 0, came.stderr
    assert (tmp_path / "got").read_bytes() == b"packed"
    assert "s3://script-code/none could not be downloaded: 404" in missing.stderr
