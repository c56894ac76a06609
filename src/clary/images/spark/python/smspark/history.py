"""smspark-history-server: Spark's own history server over the event logs in S3, on port 15050.
https://spark.apache.org/docs/3.5.0/monitoring.html#viewing-after-the-fact
"""

import os
import sys

from smspark import ours

SERVER = "org.apache.spark.deploy.history.HistoryServer"
PORT = "15050"


def main(words: list[str]) -> int:
    """Becomes the server. What it needs of the environment: AWS_ENDPOINT_URL, and credentials for the logs."""
    told = dict(zip(words[::2], words[1::2], strict=False))
    if set(told) - {"--event-logs-s3-uri", "--remote-domain-name"} or len(words) % 2:
        print(f"ValueError: no such option: {' '.join(words)}", file=sys.stderr)
        return 1
    uri = told.get("--event-logs-s3-uri")
    if not uri:
        print("InputError: spark event logs s3 uri was not specified", file=sys.stderr)
        return 1
    settings = {
        "spark.history.fs.logDirectory": uri.replace("s3://", "s3a://", 1),
        "spark.history.ui.port": PORT,
        "spark.history.fs.update.interval": "2s",
    }
    if told.get("--remote-domain-name"):
        settings["spark.ui.proxyBase"] = f"/proxy/{PORT}"
    return serve(settings)


def serve(settings: dict[str, str]) -> int:
    """Becomes it; only this machine is let in."""
    java, files, options = (ours(name) for name in ("java", "files", "options"))
    here = ours("settings").instance(os.environ)
    file = java.folder() / "history.conf"
    file.write_text(options.write({**files.configuration(os.environ), **settings}), "utf-8")
    print(f"The history server comes at http://localhost:{PORT}, or where it says below", file=sys.stderr, flush=True)
    command = java.plain(here, "512m", SERVER, "--properties-file", str(file))
    os.execve(command[0], command, {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"})  # noqa: S606 - no shell is wanted
