"""What is told when an asynchronous invocation is done.

The message is the one that AWS publishes to the topics SuccessTopic and ErrorTopic. Clary has no SNS: it is an event on
the bus, with the topic among its resources, and a line in the log.
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html
"""

import base64
import json
import logging
import time
from typing import Any

from clary.resource.bus import Event
from clary.resource.call import Platform
from clary.services.sagemaker_runtime.container import Answer
from clary.services.sagemaker_runtime.waiting import Row

log = logging.getLogger(__name__)
DETAIL = "SageMaker Asynchronous Inference Result"
INCLUDED = 128 << 10  # bytes of a response that a message may have in it


def tell(platform: Platform, row: Row, reason: str, answer: Answer | None) -> None:
    """`reason` is why it failed; "" if it has not. `answer` is the model's, if there was one."""
    asked = row.asked
    topic = asked.topics.get("ErrorTopic" if reason else "SuccessTopic")
    if topic is None:
        return
    now = platform.clock()
    wanted = "ERROR_NOTIFICATION_TOPIC" if reason else "SUCCESS_NOTIFICATION_TOPIC"
    message = {
        "awsRegion": row.region,
        "eventTime": _stamp(now),
        "receivedTime": _stamp(row.created),
        "invocationStatus": "Failed" if reason else "Completed",
        **({"failureReason": reason} if reason else {}),
        "requestParameters": _told(
            contentType=asked.headers.get("content-type"),
            accept=asked.headers.get("accept"),
            customAttributes=asked.headers.get("x-amzn-sagemaker-custom-attributes"),
            endpointName=asked.endpoint,
            inputLocation=asked.input,
        ),
        "responseParameters": _told(
            contentType=answer.content_type if answer else None,
            outputLocation=asked.failure if reason else asked.output,
        ),
        **(_body(answer) if answer is not None and wanted in asked.included else {}),
        "inferenceId": asked.inference,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    account = row.arn.split(":")[4]
    log.info("notification for %s: %s", topic, json.dumps(message))
    platform.bus.publish(Event("aws.sagemaker", DETAIL, message, (topic, row.arn), account, row.region, now))


def _body(answer: Answer) -> dict[str, Any]:
    if answer.size > INCLUDED:
        return {}
    content = answer.file.read_bytes()
    try:
        return {"responseBody": {"content": content.decode(), "encoding": "UTF-8"}}
    except UnicodeDecodeError:
        return {"responseBody": {"content": base64.b64encode(content).decode(), "encoding": "BASE64"}}


def _told(**given: str | None) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}


def _stamp(at: float) -> str:
    """2026-11-21T16:00:00.123Z"""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at * 1000) % 1000:03d}Z"
