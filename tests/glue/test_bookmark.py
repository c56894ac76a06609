"""Bookmarks as Glue keeps them: the script does what awsglue's Job.commit does."""

import json

import pytest

from conftest import Platform
from glue_jobs import GlueJobs

COMMIT = """
import json, sys
path = "/opt/clary-job/bookmark.json"
given = json.load(open(path))
print("given", json.dumps(given))
state = json.loads(given["JobBookmark"] or "[]") + [sys.argv[sys.argv.index("--read") + 1]]
json.dump({**given, "JobBookmark": json.dumps(state), "Committed": True}, open(path, "w"))
"""
ON = {"--job-bookmark-option": "job-bookmark-enable"}


def test_a_run_finds_what_the_one_before_left(platform: Platform) -> None:
    jobs = GlueJobs(platform)
    name = jobs.create(COMMIT, DefaultArguments=ON)
    with pytest.raises(jobs.glue.exceptions.EntityNotFoundException, match="Continuation for job"):
        jobs.glue.get_job_bookmark(JobName=name)
    runs = [jobs.until(name, jobs.start(name, Arguments={"--read": part}))["Id"] for part in ("a", "b")]
    entry = jobs.glue.get_job_bookmark(JobName=name)["JobBookmarkEntry"]
    assert json.loads(entry["JobBookmark"]) == ["a", "b"]
    assert (entry["Version"], entry["Run"], entry["RunId"], entry["PreviousRunId"]) == (2, 2, runs[1], runs[0])

    paused = {"--read": "c", "--job-bookmark-option": "job-bookmark-pause"}
    found = jobs.until(name, jobs.start(name, Arguments=paused))
    assert '"Option": "job-bookmark-pause"' in jobs.said(found)
    assert jobs.glue.get_job_bookmark(JobName=name)["JobBookmarkEntry"] == entry

    back = jobs.glue.reset_job_bookmark(JobName=name, RunId=runs[0])["JobBookmarkEntry"]
    assert json.loads(back["JobBookmark"]) == ["a"]
    assert jobs.glue.get_job_bookmark(JobName=name)["JobBookmarkEntry"]["RunId"] == runs[0]
    jobs.glue.reset_job_bookmark(JobName=name)
    jobs.until(name, jobs.start(name, Arguments={"--read": "d"}))
    assert json.loads(jobs.glue.get_job_bookmark(JobName=name)["JobBookmarkEntry"]["JobBookmark"]) == ["d"]


def test_what_a_container_leaves_in_its_place_is_not_followed(platform: Platform) -> None:
    """A link to a file of this machine, a pipe that nobody writes to, and what is no JSON."""
    jobs = GlueJobs(platform)
    made = "import os\nos.remove('/opt/clary-job/bookmark.json')\n"
    for trick in (
        "os.symlink('/etc/passwd', '/opt/clary-job/bookmark.json')",
        "os.mkfifo('/opt/clary-job/bookmark.json')",
        "open('/opt/clary-job/bookmark.json', 'w').write('[' * 10000)",
    ):
        found = jobs.run(made + trick, ON)
        assert found["JobRunState"] == "SUCCEEDED", jobs.said(found, "error")
        with pytest.raises(jobs.glue.exceptions.EntityNotFoundException):
            jobs.glue.get_job_bookmark(JobName=found["JobName"])
