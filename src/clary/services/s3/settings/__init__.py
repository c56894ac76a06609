"""What a bucket is configured to be: policy, public access, CORS, lifecycle, notifications, tags and the rest.

For the rest of services/s3 (import the modules, not names from here):

    state.S3 has a field `settings: Book` (book.Book(store, clock)); the store's schemas hold book.PACKAGE too.
    book.create(connection, bucket, request, now)   in the transaction that creates the bucket (ownership, tags, ACL)
    book.delete_all(connection, bucket)             in the transaction that deletes it
    state.settings.forget(bucket)                   after either commit
    notification.notify(state, bucket, "s3:ObjectCreated:Put", key=..., size=..., etag=..., version_id=..., ...)
    rules.expiration(settings, key, size, tags, modified) -> x-amz-expiration, or ""
    permissions.permissions(call, document)         Service.permissions
    permissions.may_delete(call, bucket, key, version_id) -> bool       each key of DeleteObjects
    permissions.missing(call, bucket, key) -> AWSError                  NoSuchKey, or AccessDenied without ListBucket
    acl.check_object(settings, request)             PutObject, CopyObject, CreateMultipartUpload: may this ACL be given
    hooks.MODULES, hooks.raw(platform, state), hooks.finish, hooks.tick(state), hooks.UNUSED   for Service(...)
"""
