"""Every bench, one after the other, more than an hour; docs/benchmarks.md is written as each ends."""

from bench import (
    api,
    crash,
    jobs,
    jobs_list,
    many,
    processing,
    registry,
    s3_large,
    s3_list,
    s3_small,
    serving,
    soak,
    spark,
    spark_read,
    sparkml,
    sparkml_pipeline,
    start,
    training,
    transform,
)
from bench.table import publish

if __name__ == "__main__":  # the clients of bench.api are started anew, and read this file
    storage, work = (start, api, s3_small, s3_list, s3_large), (jobs, jobs_list, training, transform, crash)
    sparks = (spark, spark_read, sparkml, sparkml_pipeline)
    for bench in (*storage, *work, processing, registry, serving, *sparks, many, soak):
        publish(bench.run())
