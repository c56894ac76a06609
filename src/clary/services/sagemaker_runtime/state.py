"""What the operations of sagemaker-runtime share."""

from dataclasses import dataclass

from clary.services.sagemaker.hosting.controller import Hosting


@dataclass(slots=True)
class Runtime:
    hosting: Hosting
