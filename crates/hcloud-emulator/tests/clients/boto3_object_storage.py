"""The object storage through boto3, the client that most programs for S3 are written with."""

import datetime
import json
import os
import urllib.error
import urllib.request

import boto3
from botocore.client import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["FERROFORM_TEST_S3_ENDPOINT"]
KEYS = json.loads(os.environ["FERROFORM_TEST_S3_KEYS"])


def client(keys, region="fsn1", **config):
    return boto3.client(
        "s3",
        endpoint_url=ENDPOINT,
        region_name=region,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        config=Config(
            s3={"addressing_style": "path"},
            retries={"max_attempts": 0},
            # The service is on this computer, whatever proxies its environment names.
            proxies={},
            **config,
        ),
    )


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"{call.__name__}: {found} instead of {code}"
    else:
        raise AssertionError(f"{call.__name__} was not refused with {code}")


s3, other = client(KEYS[0]), client(KEYS[1], region="nbg1")

# Keys.
refused("InvalidAccessKeyId", client(("A" * 20, "b")).list_buckets)
refused("SignatureDoesNotMatch", client((KEYS[0][0], "b" * 40)).list_buckets)

# Buckets.
refused("InvalidBucketName", s3.create_bucket, Bucket="UPPER-is-not")
s3.create_bucket(Bucket="plain", CreateBucketConfiguration={"LocationConstraint": "nbg1"})
s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
s3.create_bucket(Bucket="public", ACL="public-read")
assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["locked", "plain", "public"]
assert other.list_buckets()["Buckets"] == []
assert s3.get_bucket_location(Bucket="plain")["LocationConstraint"] == "nbg1"
assert s3.get_bucket_location(Bucket="locked")["LocationConstraint"] == "fsn1"
s3.create_bucket(Bucket="plain")
refused("BucketAlreadyExists", other.create_bucket, Bucket="plain")
refused("403", other.head_bucket, Bucket="plain")
refused("404", s3.head_bucket, Bucket="nothing-here")
refused("InvalidArgument", s3.create_bucket, Bucket="acl", ACL="authenticated-read")
for grants, bucket in ((1, "plain"), (2, "public")):
    assert len(s3.get_bucket_acl(Bucket=bucket)["Grants"]) == grants
s3.put_bucket_acl(Bucket="plain", ACL="public-read")
assert len(s3.get_bucket_acl(Bucket="plain")["Grants"]) == 2
s3.put_bucket_acl(Bucket="plain", ACL="private")
refused("NotImplemented", s3.get_bucket_tagging, Bucket="plain")
refused("NotImplemented", s3.get_bucket_website, Bucket="plain")

# Configuration.
assert "Status" not in s3.get_bucket_versioning(Bucket="plain")
assert s3.get_bucket_versioning(Bucket="locked")["Status"] == "Enabled"
refused(
    "InvalidBucketState",
    s3.put_bucket_versioning,
    Bucket="locked",
    VersioningConfiguration={"Status": "Suspended"},
)
rules = [
    {
        "ID": "logs",
        "Status": "Enabled",
        "Filter": {"Prefix": "logs/"},
        "Expiration": {"Days": 30},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
    },
    {"ID": "all", "Status": "Disabled", "Filter": {"Prefix": ""}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
]
refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket="plain")
s3.put_bucket_lifecycle_configuration(Bucket="plain", LifecycleConfiguration={"Rules": rules})
found = s3.get_bucket_lifecycle_configuration(Bucket="plain")["Rules"]
assert sorted(found, key=lambda r: r["ID"]) == sorted(rules, key=lambda r: r["ID"]), found
for wrong, code in (
    ({"Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}, "MalformedXML"),
    ({"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 3}}, "MalformedXML"),
    ({"Expiration": {"Days": 0}}, "InvalidArgument"),
    ({}, "InvalidRequest"),
):
    rule = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, **wrong}
    refused(
        code,
        s3.put_bucket_lifecycle_configuration,
        Bucket="plain",
        LifecycleConfiguration={"Rules": [rule]},
    )
s3.delete_bucket_lifecycle(Bucket="plain")
refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket="plain")

cors = {
    "AllowedOrigins": ["https://example.com"],
    "AllowedMethods": ["GET", "PUT"],
    "AllowedHeaders": ["*"],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 3600,
}
refused("NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket="plain")
s3.put_bucket_cors(Bucket="plain", CORSConfiguration={"CORSRules": [cors]})
assert s3.get_bucket_cors(Bucket="plain")["CORSRules"] == [cors]
s3.delete_bucket_cors(Bucket="plain")

refused("ObjectLockConfigurationNotFoundError", s3.get_object_lock_configuration, Bucket="plain")
lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}}
refused(
    "InvalidBucketState", s3.put_object_lock_configuration, Bucket="plain", ObjectLockConfiguration=lock
)
s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration=lock)
assert s3.get_object_lock_configuration(Bucket="locked")["ObjectLockConfiguration"] == lock

policy = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:GetObject"],
            "Resource": ["arn:aws:s3:::plain/open/*"],
        }
    ],
}
refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket="plain")
refused("MalformedPolicy", s3.put_bucket_policy, Bucket="plain", Policy="{}")
s3.put_bucket_policy(Bucket="plain", Policy=json.dumps(policy))
assert json.loads(s3.get_bucket_policy(Bucket="plain")["Policy"]) == policy

# Objects.
put = s3.put_object(
    Bucket="plain",
    Key="open/a b+ü.txt",
    Body="hello".encode(),
    ContentType="text/plain",
    CacheControl="max-age=60",
    Metadata={"origin": "test"},
)
assert put["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
got = s3.get_object(Bucket="plain", Key="open/a b+ü.txt")
assert got["Body"].read() == b"hello" and got["Metadata"] == {"origin": "test"}
assert (got["ContentType"], got["CacheControl"], got["ContentLength"]) == ("text/plain", "max-age=60", 5)
part = s3.get_object(Bucket="plain", Key="open/a b+ü.txt", Range="bytes=1-3")
assert part["Body"].read() == b"ell" and part["ContentRange"] == "bytes 1-3/5"
refused("InvalidRange", s3.get_object, Bucket="plain", Key="open/a b+ü.txt", Range="bytes=9-")
assert s3.head_object(Bucket="plain", Key="open/a b+ü.txt")["ContentLength"] == 5
refused("PreconditionFailed", s3.get_object, Bucket="plain", Key="open/a b+ü.txt", IfMatch='"00"')
refused("PreconditionFailed", s3.put_object, Bucket="plain", Key="open/a b+ü.txt", Body=b"", IfNoneMatch="*")
refused("PreconditionFailed", s3.put_object, Bucket="plain", Key="open/a b+ü.txt", Body=b"", IfMatch='"00"')
refused("NoSuchKey", s3.put_object, Bucket="plain", Key="nothing", Body=b"", IfMatch='"00"')
refused("NoSuchKey", s3.get_object, Bucket="plain", Key="nothing")
refused("404", s3.head_object, Bucket="plain", Key="nothing")
refused("AccessDenied", other.get_object, Bucket="plain", Key="closed")
refused("NoSuchBucket", s3.put_object, Bucket="nothing-here", Key="a", Body=b"")
s3.copy_object(Bucket="plain", Key="closed", CopySource={"Bucket": "plain", "Key": "open/a b+ü.txt"})
assert s3.get_object(Bucket="plain", Key="closed")["Metadata"] == {"origin": "test"}


def status(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


# Strangers, and addresses that let them in for a while.
s3.put_object(Bucket="public", Key="a", Body=b"1")
assert status(f"{ENDPOINT}/public/a") == 200
assert status(f"{ENDPOINT}/public") == 403
assert status(f"{ENDPOINT}/plain/open/a%20b%2B%C3%BC.txt") == 200
assert status(f"{ENDPOINT}/plain/closed") == 403
signed = s3.generate_presigned_url("get_object", Params={"Bucket": "plain", "Key": "closed"}, ExpiresIn=60)
assert status(signed) == 200
assert status(signed.replace("closed", "other")) == 403

# Lists.
keys = [f"list/{i:04}" for i in range(25)] + ["list/sub/a", "list/sub/b", "list/x y"]
for key in keys:
    s3.put_object(Bucket="plain", Key=key, Body=b"")
for pages in (
    s3.get_paginator("list_objects_v2").paginate(Bucket="plain", Prefix="list/", PaginationConfig={"PageSize": 7}),
    s3.get_paginator("list_objects").paginate(Bucket="plain", Prefix="list/", PaginationConfig={"PageSize": 7}),
):
    assert [o["Key"] for page in pages for o in page["Contents"]] == keys
for size in (1, 5, 1000):
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket="plain", Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": size}
    )
    names = [o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(
        Bucket="plain", Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": size}
    ) for o in page.get("Contents", [])]
    groups = [g["Prefix"] for page in pages for g in page.get("CommonPrefixes", [])]
    assert names == [key for key in keys if "sub" not in key] and groups == ["list/sub/"], (size, names, groups)
deleted = s3.delete_objects(Bucket="plain", Delete={"Objects": [{"Key": key} for key in keys]})
assert len(deleted["Deleted"]) == len(keys) and "Errors" not in deleted
assert s3.list_objects_v2(Bucket="plain", Prefix="list/")["KeyCount"] == 0

# Versions.
s3.put_bucket_versioning(Bucket="plain", VersioningConfiguration={"Status": "Enabled"})
first = s3.put_object(Bucket="plain", Key="v", Body=b"1")["VersionId"]
second = s3.put_object(Bucket="plain", Key="v", Body=b"22")["VersionId"]
assert s3.get_object(Bucket="plain", Key="v", VersionId=first)["Body"].read() == b"1"
marker = s3.delete_object(Bucket="plain", Key="v")
assert marker["DeleteMarker"] is True
refused("NoSuchKey", s3.get_object, Bucket="plain", Key="v")
refused("MethodNotAllowed", s3.get_object, Bucket="plain", Key="v", VersionId=marker["VersionId"])
listed = s3.list_object_versions(Bucket="plain", Prefix="v")
assert [v["VersionId"] for v in listed["Versions"]] == [second, first]
assert [m["IsLatest"] for m in listed["DeleteMarkers"]] == [True]
pages = s3.get_paginator("list_object_versions").paginate(
    Bucket="plain", Prefix="v", PaginationConfig={"PageSize": 1}
)
assert [v["VersionId"] for page in pages for v in page.get("Versions", [])] == [second, first]
s3.delete_object(Bucket="plain", Key="v", VersionId=marker["VersionId"])
assert s3.get_object(Bucket="plain", Key="v")["Body"].read() == b"22"
assert s3.head_object(Bucket="plain", Key="closed")["VersionId"] == "null"

# Object lock.
kept = s3.put_object(Bucket="locked", Key="k", Body=b"kept")["VersionId"]
assert s3.head_object(Bucket="locked", Key="k")["ObjectLockMode"] == "GOVERNANCE"
refused("AccessDenied", s3.delete_object, Bucket="locked", Key="k", VersionId=kept)
s3.delete_object(Bucket="locked", Key="k", VersionId=kept, BypassGovernanceRetention=True)
until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
firm = s3.put_object(
    Bucket="locked", Key="k", Body=b"firm", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until
)["VersionId"]
refused(
    "AccessDenied", s3.delete_object, Bucket="locked", Key="k", VersionId=firm, BypassGovernanceRetention=True
)
errors = s3.delete_objects(Bucket="locked", Delete={"Objects": [{"Key": "k", "VersionId": firm}]})["Errors"]
assert [error["Code"] for error in errors] == ["AccessDenied"]

# Large objects go in parts.
large = os.urandom(6 << 20) + b"end"
upload = s3.create_multipart_upload(Bucket="plain", Key="large")["UploadId"]
parts = []
for number, piece in enumerate((large[: 5 << 20], large[5 << 20 :]), 1):
    tag = s3.upload_part(Bucket="plain", Key="large", UploadId=upload, PartNumber=number, Body=piece)["ETag"]
    parts.append({"PartNumber": number, "ETag": tag})
assert len(s3.list_parts(Bucket="plain", Key="large", UploadId=upload)["Parts"]) == 2
assert [u["Key"] for u in s3.list_multipart_uploads(Bucket="plain")["Uploads"]] == ["large"]
refused(
    "InvalidPart",
    s3.complete_multipart_upload,
    Bucket="plain",
    Key="large",
    UploadId=upload,
    MultipartUpload={"Parts": [{"PartNumber": 3, "ETag": "x"}]},
)
done = s3.complete_multipart_upload(
    Bucket="plain", Key="large", UploadId=upload, MultipartUpload={"Parts": parts}
)
assert done["ETag"].endswith('-2"')
assert s3.get_object(Bucket="plain", Key="large")["Body"].read() == large
abandoned = s3.create_multipart_upload(Bucket="plain", Key="never")["UploadId"]
s3.abort_multipart_upload(Bucket="plain", Key="never", UploadId=abandoned)
refused("NoSuchUpload", s3.list_parts, Bucket="plain", Key="never", UploadId=abandoned)

# The end.
refused("BucketNotEmpty", s3.delete_bucket, Bucket="plain")
for page in s3.get_paginator("list_object_versions").paginate(Bucket="plain"):
    entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
    objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
    s3.delete_objects(Bucket="plain", Delete={"Objects": objects, "Quiet": True})
s3.delete_bucket(Bucket="plain")
refused("NoSuchBucket", s3.delete_bucket, Bucket="plain")
print("all steps done")
