"""What the operations of sagemaker-runtime share."""

from dataclasses import dataclass

from clary.services.sagemaker.hosting.controller import Hosting
from clary.services.sagemaker.hosting.harvest import Harvest
from clary.services.sagemaker_runtime.queue import Queue


@dataclass(slots=True)
class Runtime:
    hosting: Hosting
    harvest: Harvest
    queue: Queue

    def start(self) -> None:
        self.harvest.start()
        self.queue.start()

    def close(self) -> None:
        """Before the data plane ends."""
        self.queue.close()
        self.harvest.close()
