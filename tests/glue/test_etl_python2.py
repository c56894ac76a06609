"""A script of Glue 0.9's age: Python 2 and Spark 2.2, as its author left it."""

from conftest import Platform
from glue_jobs import GlueJobs

SCRIPT = """
import sys
from StringIO import StringIO
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from awsglue.context import GlueContext
from pyspark.ml import Pipeline
from pyspark.ml.feature import StringIndexer, OneHotEncoder, VectorAssembler
from pyspark.sql.functions import *

def csv_line(data):
    r = ",".join(str(d) for d in data[1])
    return unicode(data[0]) + "," + r

args = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket"])
spark = GlueContext(SparkContext.getOrCreate()).spark_session
spark.sparkContext._jsc.hadoopConfiguration().set(
    "mapred.output.committer.class", "org.apache.hadoop.mapred.FileOutputCommitter")
frame = spark.read.csv("s3://%s/in.csv" % args["bucket"], header=False)
names = ["kind", "size"]
frame = reduce(lambda one, at: one.withColumnRenamed(frame.schema.names[at], names[at]), xrange(2), frame)
frame = frame.withColumn("size", col("size").cast("double"))
indexed = StringIndexer(inputCol="kind", outputCol="index").fit(frame).transform(frame)
encoded = OneHotEncoder(inputCol="index", outputCol="vector", dropLast=False).transform(indexed)
stages = [StringIndexer(inputCol="kind", outputCol="i"), OneHotEncoder(inputCol="i", outputCol="v"),
    VectorAssembler(inputCols=["v", "size"], outputCol="features")]
ready = Pipeline(stages=stages).fit(frame).transform(frame)
ready.rdd.map(lambda x: (x["size"], x.features)).map(csv_line) \\
    .repartition(len(names) / 2).saveAsTextFile("s3a://%s/out" % args["bucket"])
print "first", encoded.first()["vector"].toArray().tolist(), 7 / 2, {"a": 1}.has_key("a")
print >>sys.stderr, "to the other log"
"""


def test_it_runs_as_it_is(platform: Platform) -> None:
    jobs = GlueJobs(platform)
    jobs.put("in.csv", "a,1\nb,2\na,3.5\n")
    name = jobs.create(SCRIPT, command="glueetl", Command={"PythonVersion": "2"}, GlueVersion="0.9")
    run = jobs.until(name, jobs.start(name, Arguments={"--bucket": jobs.bucket}))
    assert run["JobRunState"] == "SUCCEEDED", jobs.said(run, "error")
    assert jobs.said(run).splitlines() == ["first [1.0, 0.0] 3 True"]
    assert "to the other log" in jobs.said(run, "error")
    written = jobs.s3.get_object(Bucket=jobs.bucket, Key="out/part-00000")["Body"].read().decode()
    assert sorted(written.splitlines()) == ["1.0,1.0,1.0", "2.0,0.0,2.0", "3.5,1.0,3.5"]


def test_an_error_names_the_line_that_its_author_knows(platform: Platform) -> None:
    jobs = GlueJobs(platform)
    script = 'import urllib2\nn = xrange(3)\nprint "a"\n\nraise ValueError, "bad"\n'
    name = jobs.create(script, command="glueetl", Command={"PythonVersion": "2"}, GlueVersion="0.9")
    run = jobs.until(name, jobs.start(name))
    assert run["JobRunState"] == "FAILED"
    assert "ValueError: bad" in run["ErrorMessage"]
    assert "line 5" in jobs.said(run, "error")
