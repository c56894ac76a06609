"""Every bench, one after the other, about twenty minutes; docs/benchmarks.md is written as each ends."""

from bench import api, crash, jobs, jobs_list, s3_large, s3_list, s3_small, start, training, transform
from bench.table import publish

if __name__ == "__main__":  # the clients of bench.api are started anew, and read this file
    for bench in (start, api, s3_small, s3_list, s3_large, jobs, jobs_list, training, transform, crash):
        publish(bench.run())
