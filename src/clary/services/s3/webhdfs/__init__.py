"""The objects as Hadoop's WebHDFS shows a file system: so Spark reads and writes s3:// with what PySpark ships."""
