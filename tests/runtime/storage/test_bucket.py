"""Buckets when requests fail: the same result as without, or the exact cause."""

import io

import pytest

from runtime.errors import StorageError, StorageReason
from runtime.storage.bucket import BucketStorage
from runtime.storage.bucket_requests import RetryPolicy
from tests.fake_bucket import Fault, Kind

QUICK = RetryPolicy(
    request=1,
    patience=20,
    first_delay=0.01,
    longest_delay=0.1,
    between_writes=0.02,
    between_flushes=0.2,
)
ROOT = "gs://my-bucket"
PASSING = [429, 500, 503, Kind.RESET, Kind.STALL, Kind.TRUNCATED, Kind.LOST]
LARGE = 17 << 20


@pytest.fixture
def client(fake_bucket):
    from google.cloud import storage as cloud

    made = cloud.Client(project=None)
    yield made
    made.close()


@pytest.fixture
def bucket(client):
    return BucketStorage(client, limits=QUICK)


def read(bucket, path):
    with bucket.open_read(path) as file:
        return file.read()


def write(bucket, path, content):
    with bucket.open_write(path) as file:
        file.write(content)


# Faults that pass --------------------------------------------------------------------


def create(bucket):
    write(bucket, f"{ROOT}/new", b"content")


def replace(bucket):
    write(bucket, f"{ROOT}/old", b"content")


def create_in_parts(bucket):
    write(bucket, f"{ROOT}/new", b"content!" * (LARGE // 8))


def delete(bucket):
    bucket.delete(f"{ROOT}/old")


def copy(bucket):
    bucket.copy(f"{ROOT}/old", f"{ROOT}/new")


def append(bucket):
    with bucket.open_append(f"{ROOT}/old") as file:
        file.write(b" and more")


CHANGES = [
    (create, "create"),
    (create, "stat"),
    (replace, "create"),
    (create_in_parts, "create"),
    (create_in_parts, "part"),
    (delete, "delete"),
    (copy, "copy"),
    (append, "create"),
    (append, "read"),
]
# The others carry nothing that has a checksum.
WITH_CONTENT = [
    (create, "create"),
    (replace, "create"),
    (create_in_parts, "part"),
    (append, "create"),
    (append, "read"),
]


@pytest.mark.parametrize(
    ("change", "operation", "kind"),
    [(*change, kind) for change in CHANGES for kind in PASSING]
    + [(*change, Kind.CORRUPTED) for change in WITH_CONTENT]
    + [(create_in_parts, "part", Kind.HALF_KEPT)],
)
def test_changes_come_to_the_same(change, operation, kind, bucket, fake_bucket):
    fake_bucket.put("old", b"before")
    change(bucket)
    wanted = fake_bucket.contents()
    fake_bucket.objects.clear()
    fake_bucket.log.clear()
    fake_bucket.put("old", b"before")
    fake_bucket.faults = [Fault(operation, kind, times=2)]
    change(bucket)
    assert fake_bucket.contents() == wanted
    assert [request for request in fake_bucket.log if request.fault]
    assert fake_bucket.writes_too_close(QUICK.between_writes) == []


@pytest.mark.parametrize("kind", [*PASSING, Kind.CORRUPTED])
@pytest.mark.parametrize("size", [0, 1000, LARGE])
def test_reading_comes_to_the_same(size, kind, bucket, fake_bucket):
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    fake_bucket.put("file", content)
    fake_bucket.faults = [Fault("read", kind, times=2)]
    assert read(bucket, f"{ROOT}/file") == content


def test_what_came_before_a_break_is_not_fetched_again(bucket, fake_bucket):
    content = b"0123456789abcdef" * (LARGE // 16)
    fake_bucket.put("file", content)
    fake_bucket.faults = [Fault("read", Kind.TRUNCATED)]
    assert read(bucket, f"{ROOT}/file") == content
    assert fake_bucket.sent == [len(content) // 2, len(content) - len(content) // 2]


@pytest.mark.parametrize("kind", PASSING)
def test_questions_come_to_the_same(kind, bucket, fake_bucket):
    fake_bucket.page_size = 2
    for name in ("d/a", "d/b", "d/c", "d/e/f", "d/e/g"):
        fake_bucket.put(name, b"")
    fake_bucket.faults = [
        Fault("list", kind, skip=1, times=2),
        Fault("stat", kind, times=2),
    ]
    assert bucket.list_dir(f"{ROOT}/d") == ["a", "b", "c", "e"]
    assert bucket.glob(f"{ROOT}/d/**/?") == [
        f"{ROOT}/d/{name}" for name in ("a", "b", "c", "e/f", "e/g")
    ]
    assert bucket.stat(f"{ROOT}/d/a").size == 0


def test_trees_are_deleted_page_by_page(bucket, fake_bucket):
    fake_bucket.page_size = 3
    for number in range(10):
        fake_bucket.put(f"tree/{number}", b"")
    fake_bucket.put("treetop", b"")
    bucket.delete_tree(f"{ROOT}/tree")
    assert list(fake_bucket.contents()) == ["treetop"]


# Faults that do not pass -------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message", "reason", "advice"),
    [
        (401, "Invalid Credentials", "UNKNOWN_CALLER", "gcloud auth application-def"),
        (
            403,
            "a@b.com does not have storage.objects.get access to the Google Cloud "
            "Storage object.",
            "NOT_ALLOWED",
            "add-iam-policy-binding gs://my-bucket --member=user:a@b.com",
        ),
        (404, "The specified bucket does not exist.", "NO_BUCKET", "buckets create"),
        (403, "quotaExceeded: too much egress", "QUOTA", "too much egress"),
        (400, "No.", "OTHER", "400 No."),
    ],
)
@pytest.mark.parametrize(
    ("ask", "operation"),
    [
        (lambda bucket: read(bucket, f"{ROOT}/old"), "read"),
        (lambda bucket: bucket.stat(f"{ROOT}/old"), "stat"),
        (lambda bucket: bucket.list_dir(f"{ROOT}/d"), "list"),
        (delete, "delete"),
        (create, "create"),
        (copy, "copy"),
    ],
)
def test_a_lasting_cause_is_told_at_once(
    ask, operation, code, message, reason, advice, bucket, fake_bucket
):
    fake_bucket.put("old", b"before")
    fake_bucket.faults = [Fault(operation, code, times=99, message=message)]
    with pytest.raises(StorageError) as caught:
        ask(bucket)
    assert caught.value.reason is StorageReason[reason]
    assert advice in str(caught.value)
    assert f"{ROOT}/" in str(caught.value)
    assert fake_bucket.operations().count(operation) == 1
    assert fake_bucket.contents() == {"old": b"before"}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (503, "NO_ANSWER"),
        (429, "QUOTA"),
        (Kind.RESET, "NO_ANSWER"),
        (Kind.CORRUPTED, "DAMAGED"),
    ],
)
def test_patience_ends(kind, reason, client, fake_bucket):
    hasty = RetryPolicy(request=1, patience=2, first_delay=0.05, between_writes=0)
    fake_bucket.faults = [Fault("create", kind, times=999)]
    with pytest.raises(StorageError, match=r"new: .*\(\d+ tries in \d s\)") as caught:
        create(BucketStorage(client, limits=hasty))
    assert caught.value.reason is StorageReason[reason]
    assert fake_bucket.contents() == {}


def test_nobody_answers(client, fake_bucket):
    fake_bucket.shutdown()
    fake_bucket.server_close()
    hasty = RetryPolicy(request=1, patience=0.2, first_delay=0.05)
    with pytest.raises(StorageError, match="could not ask") as caught:
        BucketStorage(client, limits=hasty).stat(f"{ROOT}/x")
    assert caught.value.reason is StorageReason.NO_ANSWER


def test_missing_is_not_could_not_ask(bucket, fake_bucket):
    assert bucket.stat(f"{ROOT}/none") is None
    with pytest.raises(StorageError, match="specified bucket does not exist"):
        bucket.stat("gs://other-bucket/none")
    with pytest.raises(StorageError, match="specified bucket does not exist"):
        bucket.is_dir("gs://other-bucket/none")


# Writers that meet -------------------------------------------------------------------


def test_another_writer_is_not_overwritten(bucket, fake_bucket):
    seen = bucket.upload(f"{ROOT}/file", io.BytesIO(b"ours"))
    fake_bucket.put("file", b"theirs")
    for version in (seen.version, "0"):
        with pytest.raises(StorageError, match="changed it meanwhile") as caught:
            bucket.upload(f"{ROOT}/file", io.BytesIO(b"again"), replaces=version)
        assert caught.value.reason is StorageReason.CHANGED
    assert fake_bucket.contents() == {"file": b"theirs"}


def test_a_lost_acknowledgement_is_not_taken_for_another_writer(bucket, fake_bucket):
    first = bucket.upload(f"{ROOT}/file", io.BytesIO(b"one"), replaces="0")
    fake_bucket.faults = [Fault("create", Kind.LOST)]
    second = bucket.upload(f"{ROOT}/file", io.BytesIO(b"two"), replaces=first.version)
    assert second == bucket.stat(f"{ROOT}/file")
    assert fake_bucket.operations()[-4:-1] == ["create", "create", "stat"]


def test_a_damaged_upload_leaves_the_earlier_object(client, fake_bucket):
    fake_bucket.put("file", b"before")
    hasty = RetryPolicy(request=1, patience=0.3, first_delay=0.05, between_writes=0)
    bucket = BucketStorage(client, limits=hasty)
    fake_bucket.faults = [Fault("part", Kind.CORRUPTED, times=99)]
    with pytest.raises(StorageError) as caught:
        write(bucket, f"{ROOT}/file", b"x" * LARGE)
    assert caught.value.reason is StorageReason.DAMAGED
    assert fake_bucket.contents() == {"file": b"before"}


def test_what_grows_is_uploaded_from_time_to_time(bucket, fake_bucket):
    with bucket.open_append(f"{ROOT}/log") as file:
        for number in range(100):
            file.write(b"%d\n" % number)
            file.flush()
        assert fake_bucket.operations().count("create") < 5
    whole = b"".join(b"%d\n" % number for number in range(100))
    assert fake_bucket.contents() == {"log": whole}
    assert fake_bucket.writes_too_close(QUICK.between_writes) == []


def test_what_grows_is_one_writers(bucket, fake_bucket):
    file = bucket.open_append(f"{ROOT}/log")
    file.write(b"ours")
    file.sync()
    fake_bucket.put("log", b"theirs")
    file.write(b"more")
    with pytest.raises(StorageError) as caught:
        file.close()
    assert caught.value.reason is StorageReason.CHANGED
    assert fake_bucket.contents() == {"log": b"theirs"}


def test_two_writes_of_one_object_keep_their_distance(client, fake_bucket):
    slow = BucketStorage(client, limits=RetryPolicy(between_writes=0.3))
    for content in (b"1", b"2", b"3"):
        write(slow, f"{ROOT}/a", content)
        write(slow, f"{ROOT}/b{content}", content)
    assert fake_bucket.writes_too_close(0.3) == []


# What must not show ------------------------------------------------------------------


def test_no_key_of_an_upload_is_told(client, fake_bucket):
    hasty = RetryPolicy(request=1, patience=0.3, first_delay=0.05, between_writes=0)
    fake_bucket.faults = [Fault("part", Kind.RESET, times=999)]
    with pytest.raises(StorageError) as caught:
        create_in_parts(BucketStorage(client, limits=hasty))
    shown, error = "", caught.value
    while error is not None:
        shown += str(error)
        error = error.__cause__ or (
            None if error.__suppress_context__ else error.__context__
        )
    assert "key-of-an-upload" not in shown


def test_compressed_objects_are_refused(bucket, fake_bucket):
    fake_bucket.put("file.gz", b"\x1f\x8b", encoding="gzip")
    with pytest.raises(StorageError, match="stored compressed"):
        read(bucket, f"{ROOT}/file.gz")


def test_markers_of_folders_are_no_files(bucket, fake_bucket):
    fake_bucket.put("runs/", b"")
    fake_bucket.put("runs/1/file", b"")
    assert bucket.list_dir(f"{ROOT}/runs") == ["1"]
    assert bucket.list_dir(ROOT) == ["runs"]
    assert bucket.is_dir(f"{ROOT}/runs")
    assert bucket.stat(f"{ROOT}/runs") is None
