"""What the machine gives out, and whose turn it is."""

from hypothesis import given
from hypothesis import strategies as st

from clary.compute.driver import Node, Size
from clary.jobs.budget import PATIENCE, Budget, Places, Queue, Waiting

GIB = 1 << 30
MACHINE = [Node("here", 2, 8 * GIB, 1)]


def queue(times: float = 2.0) -> Queue:
    return Queue(Budget(MACHINE, times))


def wait(queue: Queue, number: int, share: str = "", cpus: float = 1.0, instances: int = 1) -> Waiting:
    size = Size(cpus=cpus, memory=GIB, instances=instances)
    waiting = Waiting(number, share, queue.budget.places(size), 0.0)
    queue.add(waiting)
    return waiting


def admit(queue: Queue, now: float = 0.0) -> list[int]:
    """Everything that may start now, in order; it stays."""
    admitted = []
    while (waiting := queue.next(now)) is not None:
        queue.remove(waiting)
        queue.budget.take(waiting.share, waiting.places)
        admitted.append(waiting.id)
    return admitted


def test_an_instance_is_the_machine_at_most_and_a_group_all_that_is_given_out() -> None:
    budget = Budget(MACHINE, 4.0)
    large = Size(cpus=96, memory=384 * GIB, gpus=8, instances=2)
    limits = budget.limits(large)
    assert (limits.cpus, limits.memory, limits.gpus, limits.instances) == (2, 8 * GIB, 1, 2)
    assert budget.places(large) == Places(4, 16.0 * GIB, 1)
    assert budget.places(Size(cpus=96, memory=384 * GIB, gpus=1, instances=50)) == budget.whole
    assert str(budget.whole) == "8 vCPU, 32.0 GiB, 1 GPU"


def test_first_come_first_served() -> None:
    line = queue()
    for number in range(6):
        wait(line, number)
    assert admit(line) == [0, 1, 2, 3]


def test_shares_take_turns() -> None:
    line = queue()
    for number in range(10):
        wait(line, number, "many")
    wait(line, 10, "few")
    wait(line, 11, "few")
    assert admit(line) == [0, 10, 1, 11]


def test_small_ones_pass_a_large_one_for_a_while_only() -> None:
    line = queue()
    running = wait(line, 0)
    assert admit(line) == [0]
    wait(line, 1, cpus=2, instances=2)  # all of it
    wait(line, 2)
    wait(line, 3)
    assert admit(line, 10.0) == [2, 3]
    wait(line, 4)
    assert admit(line, 10.0 + PATIENCE + 1) == [], "there is room for it, but it is the large one's turn"
    for done in (running, running, running):
        line.budget.give_back(done.share, done.places)
    assert admit(line, 10.0 + PATIENCE + 2) == [1]
    assert len(line) == 1


def test_what_was_stuck_for_long_comes_before_those_who_hold_less() -> None:
    line = queue()
    held = wait(line, 0, "a")
    assert admit(line) == [0]
    wait(line, 1, "a", cpus=2, instances=2)
    assert admit(line, 1.0) == []
    wait(line, 2, "b")
    assert admit(line, PATIENCE + 2) == []
    line.budget.give_back("a", held.places)
    assert admit(line, PATIENCE + 3) == [1]


JOBS = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.1, 5), st.integers(1, 4)), max_size=40)


@given(JOBS)
def test_nobody_is_forgotten_and_no_place_is_given_twice(jobs: list[tuple[str, float, int]]) -> None:
    line = queue()
    for number, (share, cpus, instances) in enumerate(jobs):
        wait(line, number, share, cpus, instances)
    seen: list[int] = []
    now = 0.0
    while len(line):
        now += PATIENCE
        held = []
        while (waiting := line.next(now)) is not None:
            line.remove(waiting)
            line.budget.take(waiting.share, waiting.places)
            assert line.budget.free.cpus >= -1e-9
            assert line.budget.free.memory >= 0
            held.append(waiting)
        assert held, "something always fits once all are gone"
        seen += [waiting.id for waiting in held]
        for waiting in held:
            line.budget.give_back(waiting.share, waiting.places)
    assert sorted(seen) == list(range(len(jobs)))
