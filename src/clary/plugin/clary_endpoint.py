"""Points every client of botocore that would go to AWS at `AWS_ENDPOINT_URL`, also one with a hard-coded endpoint.

Both SageMaker SDKs make their STS client with `endpoint_url="https://sts.<region>.amazonaws.com"`, which wins over the
environment. `clary env` names this module in `BOTOCORE_EXPERIMENTAL__PLUGINS` and puts its folder, which holds nothing
else, on PYTHONPATH. It runs in the user's interpreter, whatever that has installed: the standard library only.
"""

import os
from typing import Any
from urllib.parse import urlsplit

AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")

# An endpoint's rules refuse these together with an endpoint of one's own.
VARIANTS = ("AWS::UseFIPS", "AWS::UseDualStack", "AWS::S3::Accelerate")


def initialize_client_plugin(client: Any) -> None:
    """botocore calls this with each client that it has made."""
    gateway = os.environ.get("AWS_ENDPOINT_URL", "")
    netloc = urlsplit(gateway).netloc
    if not netloc:
        return

    # Runs for every call and every presigned URL, before the URL is made and signed.
    def resolve(builtins: dict[str, Any], **_: Any) -> None:
        given = builtins.get("SDK::Endpoint")
        if not given or (urlsplit(given).hostname or "").endswith(AWS):
            builtins["SDK::Endpoint"] = gateway
        builtins.update(dict.fromkeys(VARIANTS, False))

    # Some operations put a label before the host ("streaming-", an account's digits), which an address cannot have.
    def unprefix(params: dict[str, Any], **_: Any) -> None:
        host = urlsplit(params["url"]).netloc
        if host != netloc and host.endswith(netloc):
            params["url"] = params["url"].replace(host, netloc, 1)

    client.meta.events.register("before-endpoint-resolution", resolve)
    if client.meta.service_model.service_name != "s3":  # there the label is the bucket
        client.meta.events.register("before-call", unprefix)
