"""What `clary demo` runs: from data in S3 to predictions, as code for AWS that knows nothing of Clary. It runs in a
process of its own, led here by the variables of `clary env`, as anybody's program is.

Its clients are botocore's, since boto3 is not what Clary needs to run; `boto3.client("s3")` gives the same.
"""
