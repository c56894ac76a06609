"""SageMaker Metrics: what a run measures goes to its trial component, and is asked for as a series.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Operations_Amazon_SageMaker_Metrics_Service.html
Its requests are signed for sagemaker, and differ from SageMaker's own by their paths.
"""

from typing import Any

from clary.resource.call import Call, Permission
from clary.resource.crud import Nouns
from clary.resource.service import Document, Service, collect
from clary.services.sagemaker_metrics import metric

MODULES = (metric,)


def build(nouns: Nouns) -> Service:
    return Service("sagemaker-metrics", collect(MODULES), nouns, permissions)


def permissions(call: Call[Any], request: Document) -> list[Permission]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html"""
    action = f"sagemaker:{call.operation.name}"
    if call.operation.name == "BatchPutMetrics":
        return [Permission(action, call.arn(f"experiment-trial-component/{request.get('TrialComponentName', '*')}"))]
    queries = request.get("MetricQueries")
    asked = [one for one in queries if isinstance(one, dict)] if isinstance(queries, list) else []
    arns = dict.fromkeys(str(one.get("ResourceArn", "*")) for one in asked)
    return [Permission(action, arn) for arn in arns or ["*"]]
