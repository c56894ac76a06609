"""What SageMaker's operations share: the nouns, what makes endpoints serve, S3's objects as roles see them, images."""

from dataclasses import dataclass

from clary.images.pull import Images
from clary.jobs.objects import Objects
from clary.resource.crud import Nouns
from clary.services.sagemaker.hosting.controller import Hosting


@dataclass(slots=True, kw_only=True)
class SageMaker(Nouns):
    hosting: Hosting
    objects: Objects
    images: Images
