"""What Amazon's Spark container for SageMaker Processing does around spark-submit.
https://github.com/aws/sagemaker-spark-container
"""
