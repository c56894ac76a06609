"""Amazon's SparkML serving: MLeap's bundles, transformed by Python where the public container has a JVM.

Runs inside a container, where the package `clary` is not: see runtime/serve.py for how it is loaded.
https://github.com/aws/sagemaker-sparkml-serving-container
"""
