"""The states of a job as the engine sees it, and the moves between them. What a user sees is a view over the events.

pending ─▶ preparing ─▶ running ─▶ finishing ─▶ completed · failed · stopped
   ▲           │           │           │
   └───────────┴───────────┴───────────┘  once more: no places after all, or a failure that is not the job's own
"""

from typing import Final

MOVES: Final = {
    "pending": {"preparing", "failed", "stopped"},
    "preparing": {"pending", "running", "failed", "stopped"},
    "running": {"finishing", "pending", "failed", "stopped"},
    "finishing": {"pending", "completed", "failed", "stopped"},
    "completed": set[str](),
    "failed": set[str](),
    "stopped": set[str](),
}
ENDED: Final = frozenset(state for state, following in MOVES.items() if not following)

# Words for a state where a recipe says none. They are AWS's, of every noun that runs:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_SecondaryStatusTransition.html
STATUSES: Final = {"completed": "Completed", "failed": "Failed", "stopped": "Stopped"}
INTERNAL: Final = "InternalServerError: We encountered an internal error.  Please try again."
