"""The main job: from raw data to predictions.

eval "$(clary env)"
python -m clary.demo             leaves an endpoint there, and says how to call it
python -m clary.demo --quick     without Spark: data in S3, a training job, a model, an endpoint
python -m clary.demo --clean     takes away what both of them made
"""

import sys
import time
from typing import Any

from botocore.session import get_session

from clary.demo import quick, walkthrough
from clary.demo.training import Client

CURL = """\
curl --aws-sigv4 aws:amz:{region}:sagemaker --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
     -H "x-amz-security-token: $AWS_SESSION_TOKEN" -H 'content-type: text/csv' \\
     --data '{row}' \\
     "$AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME/endpoints/{name}/invocations"\
"""
BOTO3 = """\
boto3.client("sagemaker-runtime").invoke_endpoint(
    EndpointName="{name}", ContentType="text/csv", Body="{row}"
)["Body"].read()\
"""


def main() -> None:
    client = _clients()
    account = client("sts").get_caller_identity()["Account"]
    if "--clean" in sys.argv[1:]:
        gone = [*walkthrough.clean(client, account), *quick.clean(client, account)]
        print(f"Cleaned up:  {', '.join(gone) or 'there was nothing'}")
        return
    began = time.monotonic()
    demo = quick if "--quick" in sys.argv[1:] else walkthrough
    row = demo.carry_out(client, account)
    print(f"Took:        {time.monotonic() - began:.1f} s from data to predictions")
    demo.whereabouts(client)
    told = {"region": client("s3").meta.region_name, "row": row, "name": demo.NAME}
    print(f"\nThe endpoint goes on serving. With curl or boto3:\n\n{CURL.format(**told)}\n\n{BOTO3.format(**told)}")


def _clients() -> Client:
    session = get_session()
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        return made.get(service) or made.setdefault(service, session.create_client(service))

    return client


if __name__ == "__main__":
    main()
