"""What the operations of sagemaker-runtime share."""

from dataclasses import dataclass

from clary.services.sagemaker.hosting.controller import Hosting
from clary.services.sagemaker.hosting.harvest import Harvest


@dataclass(slots=True)
class Runtime:
    hosting: Hosting
    harvest: Harvest

    def start(self) -> None:
        self.harvest.start()

    def close(self) -> None:
        """Before the data plane ends."""
        self.harvest.close()
