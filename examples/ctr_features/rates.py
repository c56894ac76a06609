"""How often the advertisements of each category of sites are clicked, by Spark: what its image has.

--clicks URI   the click logs; with the s3a:// of Spark
--rates URI    the table goes there: CSV with a line of names, the most shown first
"""

import argparse

from pyspark.sql import SparkSession
from pyspark.sql import functions as f


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clicks", required=True)
    parser.add_argument("--rates", required=True)
    args = parser.parse_args()

    spark = SparkSession.builder.appName("ctr-rates").getOrCreate()
    shown = spark.read.csv(args.clicks, header=True)
    totals = shown.groupBy("site_category").agg(
        f.count("*").alias("shown"), f.sum("click").cast("long").alias("clicked")
    )
    rates = totals.withColumn("rate", f.round(f.col("clicked") / f.col("shown"), 4))
    rates = rates.orderBy(f.desc("shown"), "site_category").coalesce(1)
    rates.write.mode("overwrite").csv(args.rates, header=True)
    print(f"rates: {totals.count()} categories")


if __name__ == "__main__":
    main()
