"""What SageMaker's operations share: the nouns, and what makes endpoints serve."""

from dataclasses import dataclass

from clary.resource.crud import Nouns
from clary.services.sagemaker.hosting.controller import Hosting


@dataclass(slots=True, kw_only=True)
class SageMaker(Nouns):
    hosting: Hosting
