"""Containers that fail: what the client is told, and what another replica makes good."""

import socket
import threading

from botocore.exceptions import ClientError

from clary.store.routes import Framed
from serving.bed import TIMEOUT, Plane, refused
from waiting import until


def see(plane: Plane, name: str) -> str:
    return (
        "See https://us-west-2.console.aws.amazon.com/cloudwatch/home?region=us-west-2#logEventViewer:"
        f"group=/aws/sagemaker/Endpoints/{name} in account {plane.account} for more information."
    )


def test_what_the_model_refuses_is_a_model_error(plane: Plane) -> None:
    plane.serve("errors", plane.container())
    client = plane.client()
    for status, side in ((415, "client"), (400, "client"), (500, "server"), (503, "server")):
        try:
            client.invoke_endpoint(EndpointName="errors", Body=b"", CustomAttributes=f"status={status};answer=not so")
            raise AssertionError("it was answered")
        except ClientError as error:
            told = error.response
        assert told["Error"]["Code"] == "ModelError"
        assert told["ResponseMetadata"]["HTTPStatusCode"] == 424
        message = f'Received {side} error ({status}) from primary with message "not so". {see(plane, "errors")}'
        assert told["Error"]["Message"] == message
        assert told["OriginalStatusCode"] == status
        assert told["OriginalMessage"] == "not so"
        group = f"arn:aws:logs:us-west-2:{plane.account}:log-group:/aws/sagemaker/Endpoints/errors"
        assert told["LogStreamArn"] == group


def test_a_long_message_is_cut_so_that_the_sentence_stays_whole(plane: Plane) -> None:
    plane.serve("wordy", plane.container())
    attributes = f"status=500;answer={'x' * 900}"
    told = refused(plane.client().invoke_endpoint, EndpointName="wordy", Body=b"", CustomAttributes=attributes)
    assert told[1].endswith(see(plane, "wordy"))
    assert len(told[1]) <= 2048


def test_an_answer_beyond_the_limit_is_not_loaded(plane: Plane) -> None:
    plane.serve("huge", plane.container())
    told = refused(plane.client().invoke_endpoint, EndpointName="huge", Body=b"", CustomAttributes=f"big={7 << 20}")
    sentence = "Received server error (200) from primary and could not load the entire response body. "
    assert told[:2] == ("ModelError", sentence + see(plane, "huge"))


def test_a_container_that_hangs_is_given_up(impatient: Plane) -> None:
    plane = impatient
    plane.serve("hangs", plane.container())
    told = refused(plane.client().invoke_endpoint, EndpointName="hangs", Body=b"", CustomAttributes="sleep=600")
    sentence = (
        'Received server error (0) from primary with message "Your invocation timed out while waiting for a response '
        "from container primary. Review the latency metrics for each container in Amazon CloudWatch, resolve the "
        f'issue, and try again.". {see(plane, "hangs")}'
    )
    assert told == ("ModelError", sentence, 424)
    assert plane.client().invoke_endpoint(EndpointName="hangs", Body=b"1")["Body"].read() == b"echo:1"


def test_a_container_that_kills_what_hangs_is_not_asked_again(impatient: Plane) -> None:
    """As gunicorn does after a minute: whether it or the data plane is first, nobody else gets the request."""
    plane = impatient
    containers = [plane.container() for _ in range(3)]
    plane.serve("suicidal", *containers)
    asked = plane.folder / "asked"
    asked.mkdir()
    wish = f"sign={asked};sleep={TIMEOUT + 0.01};exit"
    told = refused(plane.client().invoke_endpoint, EndpointName="suicidal", Body=b"", CustomAttributes=wish)
    assert "Your invocation timed out while waiting for a response from container primary." in told[1]
    (sign,) = asked.iterdir()
    until(lambda: any(plane.containers[each.socket].poll() == 3 for each in containers))
    assert [plane.containers[each.socket].pid for each in containers if ended(plane, each)] == [int(sign.name)]
    assert sum(plane.containers[each.socket].poll() is None for each in containers) == 2


def ended(plane: Plane, container: Framed) -> bool:
    return plane.containers[container.socket].poll() is not None


def test_a_killed_replica_costs_no_request(plane: Plane) -> None:
    """Clients without any retry of their own go on while one of two containers is killed, and comes back."""
    containers = [plane.container("one"), plane.container("two")]
    plane.serve("killed", *containers)
    ends, failures, answers = threading.Event(), [], []

    def ask() -> None:
        client = plane.client()
        while not ends.is_set():
            try:
                given = {"EndpointName": "killed", "Body": b"1", "CustomAttributes": "sleep=0.005;show=1"}
                answers.append(client.invoke_endpoint(**given)["Body"].read())
            except ClientError as error:
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()

    def more(*names: bytes) -> None:
        """Returns once each of these has answered again."""
        told = len(answers)
        until(lambda: failures or {answer[:3] for answer in answers[told:]} >= {*names})

    for container, other in ((containers[0], b"two"), (containers[1], b"one")) * 2:
        more(b"one", b"two")
        plane.containers[container.socket].kill()
        more(other)
        plane.again(container)
    more(b"one", b"two")
    ends.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert {answer[:3] for answer in answers} == {b"one", b"two"}


def test_the_only_replica_may_come_back_before_the_request_is_given_up(plane: Plane) -> None:
    container = plane.container()
    plane.serve("back", container)
    client = plane.client()
    client.invoke_endpoint(EndpointName="back", Body=b"")
    plane.containers[container.socket].kill()
    later = threading.Timer(0.5, plane.again, [container])
    later.start()
    assert client.invoke_endpoint(EndpointName="back", Body=b"1")["Body"].read() == b"echo:1"
    later.join()


def test_a_request_that_kills_its_container_does_not_go_round_for_ever(plane: Plane) -> None:
    containers = [plane.container() for _ in range(4)]
    plane.serve("poison", *containers)
    told = refused(plane.client().invoke_endpoint, EndpointName="poison", Body=b"", CustomAttributes="exit")
    sentence = (
        'Received server error (0) from primary with message "The container primary ended before it had answered.".'
    )
    assert told[:2] == ("ModelError", f"{sentence} {see(plane, 'poison')}")
    assert plane.client().invoke_endpoint(EndpointName="poison", Body=b"1")["Body"].read() == b"echo:1"
    until(lambda: any(ended(plane, each) for each in containers))
    # One that is about to end may be reached twice: it closes its connection before the socket that it listens at.
    assert 1 <= sum(plane.containers[each.socket].poll() == 3 for each in containers) <= 3


def test_garbage_from_one_replica_is_made_good_by_another(plane: Plane) -> None:
    """Each replica answers such a request with garbage: the third time it is a failure, and both go on serving."""
    plane.serve("garbage", plane.container(), plane.container())
    client = plane.client()
    told = refused(client.invoke_endpoint, EndpointName="garbage", Body=b"", CustomAttributes="garbage")
    assert told[0] == "ModelError"
    assert client.invoke_endpoint(EndpointName="garbage", Body=b"1")["Body"].read() == b"echo:1"


def test_a_client_that_goes_away_leaves_nothing_running(plane: Plane) -> None:
    (replica,) = plane.serve("left", plane.container())
    head = b"POST /endpoints/left/invocations HTTP/1.1\r\nHost: h\r\nx-amzn-sagemaker-custom-attributes: sleep=600\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(plane.home / "serving" / "inside.sock"))
        connection.sendall(head + b"Content-Length: 0\r\n\r\n")
        until(lambda: plane.state()["replicas"][str(replica.id)]["running"] == 1)
    until(lambda: plane.state()["replicas"][str(replica.id)]["running"] == 0)
    state = plane.state()
    assert state["replicas"][str(replica.id)]["running"] == 0
    assert state["endpoints"][plane.arn("left")]["running"] == 0


def refuses(plane: Plane) -> bool:
    try:
        plane.state()
    except OSError:
        return True
    return False


def test_told_to_stop_it_answers_what_runs(plane: Plane) -> None:
    plane.serve("stops", plane.container())
    answers: list[bytes] = []
    client, go = plane.client(), plane.folder / "go"

    def ask() -> None:
        given = {"EndpointName": "stops", "Body": b"1", "CustomAttributes": f"until={go}"}
        answers.append(client.invoke_endpoint(**given)["Body"].read())

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: plane.running("stops"))
    assert plane.process is not None
    plane.process.terminate()
    until(lambda: refuses(plane))
    go.touch()
    assert plane.stop() == 0
    thread.join()
    assert answers[0].startswith(b"echo:")
