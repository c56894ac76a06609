"""What a bucket is configured to be: policy, public access, CORS, lifecycle, notifications, tags and the rest.

book.py reads all of a bucket's settings, once; keep.py changes one. plain.py is the table of those that are only kept;
policy.py, acl.py, cors.py, rules.py (lifecycle) and notification.py say what theirs mean, and lifecycle.py carries the
rules out. permissions.py is what every S3 operation asks of IAM. postform.py takes browsers' forms. hooks.py has what
the service is made of.
"""
