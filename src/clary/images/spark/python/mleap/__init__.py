"""MLeap in PySpark: fitted pipelines as bundles, and back, by Spark's own classes and without MLeap's jars.

    from mleap.pyspark.spark_support import SimpleSparkSerializer
    SimpleSparkSerializer().serializeToBundle(model, "jar:file:/tmp/model.zip", model.transform(frame))

The modules have the names of MLeap's own package (github.com/combust/mleap, python/mleap). Its scikit-learn part and
its own transformers in Scala (MathUnary, StringMap...) are not here.
"""

__version__ = "0.23.3"
