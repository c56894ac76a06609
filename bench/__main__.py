"""Every bench, one after the other, about fifty minutes; docs/benchmarks.md is written as each ends."""

from bench import api, crash, jobs, jobs_list, s3_large, s3_list, s3_small, serving, start, training, transform
from bench.table import publish

if __name__ == "__main__":  # the clients of bench.api are started anew, and read this file
    for bench in (start, api, s3_small, s3_list, s3_large, jobs, jobs_list, training, transform, serving, crash):
        publish(bench.run())
