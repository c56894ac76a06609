"""AWS's `awsglue`, the Python side of Glue's ETL library: written anew from what the Glue developer guide documents.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-extensions.html. docs/awsglue.md says what there
is. A dynamic frame is a Spark DataFrame with a schema of its own beside it (`dynamicframe.py`): a column whose records
differ in type, a choice, is a struct there with a field a type, of which one is set.
"""
