"""SparkML's models without a JVM: one row, and 100,000 rows against Spark's own transform of the same pipeline.

python -m bench.sparkml            a minute
python -m bench.sparkml --quick    fewer rounds; prints, and leaves docs/benchmarks.md as it is

Spark has both cores, its rows in memory, and writes nowhere; it is warmed up. Each side says what it makes of the first
rows, and both must be the same.
"""

import argparse
import json
import os
import random
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import clary.images
from bench.jobs import IMAGES
from bench.table import Section, goal, number, publish, ratio
from clary.config import Config
from clary.demo.cars import DATA
from clary.images.image import resolve
from clary.images.pull import Images

CODE = Path(clary.images.__file__).parent
NAMES = ("buying", "maint", "doors", "persons", "lug_boot", "safety")
ROWS, WIDTH = 100_000, 20
ROW_GOAL = 50.0  # microseconds
SPARK = """
import csv, json, statistics, sys, time
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import OneHotEncoder, StandardScaler, StringIndexer, VectorAssembler
from pyspark.sql import SparkSession
folder, rounds = sys.argv[1], int(sys.argv[2])
builder = SparkSession.builder.master("local[*]").config("spark.ui.enabled", "false")
for name, value in {"spark.driver.memory": "2g", "spark.driver.bindAddress": "127.0.0.1"}.items():
    builder = builder.config(name, value)
spark = builder.config("spark.driver.host", "127.0.0.1").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
import mleap.pyspark
from mleap.pyspark.spark_support import SimpleSparkSerializer
told = {}
for name in ("cars", "numbers"):
    frame = spark.read.csv(f"{folder}/{name}.csv", header=True, inferSchema=name == "numbers")
    frame = frame.repartition(spark.sparkContext.defaultParallelism).cache()
    columns = [column for column in frame.columns if column != "label"]
    if name == "cars":
        stages = [StringIndexer(inputCol=c, outputCol=c + "_i") for c in columns]
        stages += [OneHotEncoder(inputCol=c + "_i", outputCol=c + "_v", dropLast=False) for c in columns]
        stages += [VectorAssembler(inputCols=[c + "_v" for c in columns], outputCol="features")]
        output = "features"
    else:
        stages = [VectorAssembler(inputCols=columns, outputCol="all")]
        stages += [StandardScaler(inputCol="all", outputCol="features"), LogisticRegression(maxIter=5)]
        output = "probability"
    model = Pipeline(stages=stages).fit(frame)
    model.serializeToBundle(f"jar:file:{folder}/{name}.zip", model.transform(frame))
    taken = []
    for _ in range(rounds + 3):
        start = time.perf_counter()
        model.transform(frame).select(output).write.format("noop").mode("overwrite").save()
        taken.append(time.perf_counter() - start)
    first = spark.createDataFrame(frame.limit(200).collect(), frame.schema)
    rows = [[list(row)[:len(columns)], row[output].toArray().tolist()] for row in model.transform(first).collect()]
    told[name] = {"seconds": statistics.median(taken[3:]), "first": rows, "columns": columns, "output": output}
print("TOLD" + json.dumps(told))
"""
OURS = """
import csv, importlib, json, statistics, sys, time, types
code, folder, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
package = types.ModuleType("clary_images")
package.__path__ = [code]
sys.modules["clary_images"] = package
load = importlib.import_module("clary_images.sparkml_serving.model").load
told = json.load(open(folder + "/told.json"))
found = {}
for name, spark in told.items():
    plan = load(f"{folder}/{name}.zip").plan(spark["columns"], [spark["output"]])
    for values, expected in spark["first"]:
        assert plan.row(values)[0].tolist() == expected, (values, plan.row(values), expected)
    with open(f"{folder}/{name}.csv") as file:
        rows = [line[:len(spark["columns"])] for line in csv.reader(file)][1:]
    rows = rows if name == "cars" else [[float(value) for value in row] for row in rows]
    columns = [list(column) for column in zip(*rows)]
    one, many = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        for row in rows[:20000]:
            plan.row(row)
        one.append((time.perf_counter() - start) / 20000)
        start = time.perf_counter()
        plan.columns(columns)
        many.append(time.perf_counter() - start)
    found[name] = {"one": statistics.median(one), "many": statistics.median(many)}
print(json.dumps(found))
"""
TITLES = {
    "cars": "6 StringIndexers, 6 OneHotEncoders, VectorAssembler",
    "numbers": f"VectorAssembler of {WIDTH} numbers, StandardScaler, LogisticRegression",
}


def run(rounds: int = 9) -> list[Section]:
    images = Images(Config(images_home=str(IMAGES)))
    spark = images.built(resolve("sagemaker-spark-processing:3.5"), print).folder
    ours = images.built(resolve("sagemaker-sparkml-serving:3.3"), print).folder
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _rows(folder)
        told = _spark(spark, folder, rounds)
        (folder / "told.json").write_text(json.dumps(told))
        command = [str(ours / "bin" / "python"), "-c", OURS, str(CODE), name, str(rounds)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rows = []
    for case, title in TITLES.items():
        one, many, theirs = found[case]["one"] * 1e6, found[case]["many"], told[case]["seconds"]
        met = goal(one <= ROW_GOAL, f"≤ {ROW_GOAL:g} µs")
        seconds = (number(one), met, number(many), number(theirs))
        rows.append((title, *seconds, f"{ratio(many, theirs)}, {goal(many < theirs, '< 1 x')}"))
    text = (
        "In the process of the `sagemaker-sparkml-serving` image, bundles as Spark and our `mleap` wrote them. Spark: "
        "`transform` to the noop sink, both cores, rows cached, after 3 warm-up rounds. Medians."
    )
    head = ("Pipeline", "One row, µs", "Goal", f"{ROWS:,} rows, s", "Spark, s", "Ours to Spark")
    return [Section("sparkml", "SparkML's models, without a JVM", text, head, rows)]


def _rows(folder: Path) -> None:
    rng = random.Random(0)
    cars = [line.rsplit(",", 1)[0] for line in DATA.read_text().split()]
    lines = [",".join(NAMES), *(rng.choice(cars) for _ in range(ROWS))]
    (folder / "cars.csv").write_text("\n".join(lines) + "\n")
    lines = [",".join([f"n{place}" for place in range(WIDTH)] + ["label"])]
    for _ in range(ROWS):
        values = [rng.gauss(0.0, 1.0) for _ in range(WIDTH)]
        lines.append(",".join(map(str, [*values, int(values[0] + rng.gauss(0.0, 1.0) > 0)])))
    (folder / "numbers.csv").write_text("\n".join(lines) + "\n")


def _spark(image: Path, folder: Path, rounds: int) -> dict[str, Any]:
    environment = {
        "PATH": f"{image}/bin:{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONPATH": str(CODE / "spark" / "python"),
        "PYSPARK_PYTHON": str(image / "bin" / "python"),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    command = [str(image / "bin" / "python"), "-c", SPARK, str(folder), str(rounds)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=folder).stdout
    told: dict[str, Any] = json.loads(said.partition("TOLD")[2])
    return told


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    if parser.parse_args().quick:
        print(*run(2), sep="\n")
    else:
        publish(run())


if __name__ == "__main__":
    main()
