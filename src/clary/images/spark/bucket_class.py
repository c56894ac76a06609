"""The one class of our own in Spark's JVM, written out as bytes: no compiler is where jobs run.

Hadoop's ViewFileSystemOverloadScheme wants a bucket's place among its settings before the bucket is used. A list of all
buckets would tell a job names that its role may not list. So ours names the one bucket, in a copy of the settings:

    public class clary.Bucket extends org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme {
        public void initialize(URI uri, Configuration given) {
            Configuration own = new Configuration(given);
            String name = String.valueOf(uri.getAuthority());
            String key = "fs.viewfs.mounttable.".concat(name).concat(".linkFallback");
            own.set(key, own.get("fs.clary.files").concat(name));
            super.initialize(uri, own);
        }
    }

https://hadoop.apache.org/docs/r3.3.4/hadoop-project-dist/hadoop-hdfs/ViewFsOverloadScheme.html
https://docs.oracle.com/javase/specs/jvms/se8/html/jvms-4.html
"""

import io
import struct
import zipfile

NAME = "clary.Bucket"
ROOT = "fs.clary.files"  # the setting that says where all buckets are, with a slash at its end
_OURS = "clary/Bucket"
_VIEW = "org/apache/hadoop/fs/viewfs/ViewFileSystemOverloadScheme"
_CONFIGURATION, _URI, _STRING = "org/apache/hadoop/conf/Configuration", "java/net/URI", "java/lang/String"
_SELF, _FIRST, _SECOND, _OWN, _NAME = b"\x2a", b"\x2b", b"\x2c", b"\x2d", b"\x19\4"
_KEEP_OWN, _KEEP_NAME = b"\x4e", b"\x3a\4"
_DUP, _RETURN = b"\x59", b"\xb1"
_JAVA_8 = 52
_PUBLIC, _SUPER = 1, 0x20
_STACK, _LOCALS = 5, 5


def jar() -> bytes:
    """An archive with the class, always of the same bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{_OURS}.class"), _written())
    return file.getvalue()


class _Pool:
    """The constants of a class: each once, numbered from 1."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []

    def _number(self, entry: bytes) -> bytes:
        if entry not in self.entries:
            self.entries.append(entry)
        return struct.pack(">H", self.entries.index(entry) + 1)

    def text(self, text: str) -> bytes:
        return self._number(struct.pack(">BH", 1, len(text)) + text.encode("ascii"))

    def named(self, name: str) -> bytes:
        """A class."""
        return self._number(b"\7" + self.text(name))

    def push(self, text: str) -> bytes:
        return b"\x13" + self._number(b"\x08" + self.text(text))

    def new(self, name: str) -> bytes:
        return b"\xbb" + self.named(name)

    def call(self, owner: str, name: str, kind: str) -> bytes:
        return b"\xb6" + self._method(owner, name, kind)

    def call_static(self, owner: str, name: str, kind: str) -> bytes:
        return b"\xb8" + self._method(owner, name, kind)

    def call_special(self, owner: str, name: str, kind: str) -> bytes:
        """A constructor, or the method that the class above has."""
        return b"\xb7" + self._method(owner, name, kind)

    def _method(self, owner: str, name: str, kind: str) -> bytes:
        what = self._number(b"\x0c" + self.text(name) + self.text(kind))
        return self._number(b"\x0a" + self.named(owner) + what)


def _written() -> bytes:
    pool = _Pool()
    text = f"L{_STRING};"
    both = f"(L{_URI};L{_CONFIGURATION};)V"
    concat = pool.call(_STRING, "concat", f"({text}){text}")
    made = _SELF + pool.call_special(_VIEW, "<init>", "()V") + _RETURN
    initialized = b"".join(
        (
            pool.new(_CONFIGURATION) + _DUP + _SECOND,
            pool.call_special(_CONFIGURATION, "<init>", f"(L{_CONFIGURATION};)V") + _KEEP_OWN,
            _FIRST + pool.call(_URI, "getAuthority", f"(){text}"),
            pool.call_static(_STRING, "valueOf", f"(Ljava/lang/Object;){text}") + _KEEP_NAME,
            _OWN + pool.push("fs.viewfs.mounttable.") + _NAME + concat + pool.push(".linkFallback") + concat,
            _OWN + pool.push(ROOT) + pool.call(_CONFIGURATION, "get", f"({text}){text}") + _NAME + concat,
            pool.call(_CONFIGURATION, "set", f"({text}{text})V"),
            _SELF + _FIRST + _OWN + pool.call_special(_VIEW, "initialize", both) + _RETURN,
        )
    )
    methods = _method(pool, "<init>", "()V", made) + _method(pool, "initialize", both, initialized)
    head = struct.pack(">H", _PUBLIC | _SUPER) + pool.named(_OURS) + pool.named(_VIEW)
    constants = struct.pack(">H", len(pool.entries) + 1) + b"".join(pool.entries)
    rest = struct.pack(">HHH", 0, 0, 2) + methods + struct.pack(">H", 0)  # no interfaces, no fields; two methods
    return struct.pack(">IHH", 0xCAFEBABE, 0, _JAVA_8) + constants + head + rest


def _method(pool: _Pool, name: str, kind: str, code: bytes) -> bytes:
    body = struct.pack(">HHI", _STACK, _LOCALS, len(code)) + code + struct.pack(">HH", 0, 0)
    head = struct.pack(">H", _PUBLIC) + pool.text(name) + pool.text(kind) + struct.pack(">H", 1)
    return head + pool.text("Code") + struct.pack(">I", len(body)) + body
