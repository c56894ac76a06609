"""What most programs do, once, so that its classes are in the archive. Run by submit.py when the image is pulled."""

from pathlib import Path
from tempfile import mkdtemp

from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import OneHotEncoder, StringIndexer, VectorAssembler
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812 - its usual name
from pyspark.sql.types import StringType

# What needs a platform to be used.
CLASSES = (
    "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
    "org.apache.hadoop.hdfs.web.WebHdfsFileSystem",
    "org.apache.hadoop.mapreduce.lib.output.FileOutputCommitterFactory",
    "org.apache.spark.deploy.history.EventLogFileWriter",
)


def main() -> None:
    spark = SparkSession.builder.appName("warm").config("spark.sql.shuffle.partitions", "2").getOrCreate()
    folder = Path(mkdtemp())
    for name in CLASSES:
        spark._jvm.java.lang.Class.forName(name)  # noqa: SLF001 - PySpark's one way to it
    rows = [(number, f"name {number % 3}", number / 7, number % 2) for number in range(200)]
    frame = spark.createDataFrame(rows, "id long, name string, value double, label int")
    frame.write.mode("overwrite").csv(f"{folder}/csv", header=True)
    frame.write.mode("overwrite").partitionBy("name").parquet(f"{folder}/parquet")
    frame.write.mode("overwrite").json(f"{folder}/json")
    read = spark.read.csv(f"{folder}/csv", header=True, inferSchema=True)
    read = read.withColumn("double", F.col("value") * 2).filter("id > 3").cache()
    grouped = read.groupBy("name").agg(F.count("*").alias("n"), F.avg("value"), F.max("id")).orderBy("name")
    joined = spark.read.parquet(f"{folder}/parquet").join(grouped, "name", "left")
    joined.withColumn("rank", F.row_number().over(Window.partitionBy("name").orderBy("id"))).toPandas()
    spark.read.json(f"{folder}/json").createOrReplaceTempView("seen")
    spark.sql("SELECT name, sum(value) AS total FROM seen GROUP BY name HAVING total > 0").show()
    upper = F.udf(lambda text: text.upper(), StringType())
    frame.select(upper("name")).distinct().collect()
    frame.rdd.map(lambda row: (row.name, 1)).reduceByKey(lambda a, b: a + b).saveAsTextFile(f"{folder}/text")
    indexer = StringIndexer(inputCol="name", outputCol="index", handleInvalid="keep")
    encoder = OneHotEncoder(inputCols=["index"], outputCols=["vector"])
    features = VectorAssembler(inputCols=["vector", "value"], outputCol="features")
    model = Pipeline(stages=[indexer, encoder, features, LogisticRegression(maxIter=2)]).fit(frame)
    model.transform(frame).select("prediction").collect()
    spark.stop()


if __name__ == "__main__":
    main()
