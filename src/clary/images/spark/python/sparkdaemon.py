"""What Spark forks its Python workers from: pyspark.daemon, of the installed PySpark, whose compiled files are there.

Spark puts its own zip of the same sources first on the path of its workers, and a zip's sources are compiled anew each
time: 0.7 s for each program that has one Python task.
"""

import gc
import sys

ZIPS = ("/python/lib/pyspark.zip", "-src.zip")  # PySpark's, and Py4J's

sys.path[:] = [place for place in sys.path if not place.endswith(ZIPS)]

from pyspark.daemon import manager  # noqa: E402 - from where it is quick

if __name__ == "__main__":
    gc.freeze()  # each worker looks through all that is not, after each task
    manager()
