"""What SageMaker's operations share: the nouns, what makes endpoints serve, and the objects of S3 as roles see them."""

from dataclasses import dataclass

from clary.jobs.objects import Objects
from clary.resource.crud import Nouns
from clary.services.sagemaker.hosting.controller import Hosting


@dataclass(slots=True, kw_only=True)
class SageMaker(Nouns):
    hosting: Hosting
    objects: Objects
