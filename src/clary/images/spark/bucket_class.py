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

        public FileStatus[] listStatus(Path path) {
            if (!path.isRoot()) return super.listStatus(path);
            checkPath(path);
            FileStatus[] all = getFallbackFileSystem().listStatus(new Path("/".concat(getUri().getAuthority())));
            for (int n = 0; n < all.length; n++)
                all[n].setPath(new Path(getUri().toString(), "./".concat(all[n].getPath().getName())));
            return all;
        }

        public BlockLocation[] getFileBlockLocations(FileStatus file, long start, long length) {
            String[] hosts = new String[] {"localhost"};
            return new BlockLocation[] {new BlockLocation(hosts, hosts, 0L, file.getLen())};
        }
    }

listStatus is since ViewFileSystem, of a name in a bucket's root, takes what is before a colon for a scheme;
getFileBlockLocations since `sc.textFile` would ask Clary for each object of a thousand where it lies.

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
_FILES, _STATUS, _PATH, _BLOCK = (
    "org/apache/hadoop/fs/FileSystem",
    "org/apache/hadoop/fs/FileStatus",
    "org/apache/hadoop/fs/Path",
    "org/apache/hadoop/fs/BlockLocation",
)
_CONFIGURATION, _URI, _STRING = "org/apache/hadoop/conf/Configuration", "java/net/URI", "java/lang/String"
_SELF, _FIRST, _SECOND, _OWN, _NAME = b"\x2a", b"\x2b", b"\x2c", b"\x2d", b"\x19\4"
_KEEP_OWN, _KEEP_NAME = b"\x4e", b"\x3a\4"
_DUP, _RETURN, _RETURN_IT = b"\x59", b"\xb1", b"\xb0"
_KEEP_ALL, _ALL, _ONE, _LENGTH = b"\x4d", b"\x2c", b"\x2c\x1d\x32", b"\xbe"  # local 2; its element of number local 3
_FROM_0, _NUMBER, _NEXT = b"\x03\x3e", b"\x1d", b"\x84\3\1"  # local 3
_IF_TRUE, _IF_NOT_LESS, _GO = b"\x9a", b"\xa2", b"\xa7"
_JAVA_5 = 49  # the last to be without maps of the stack, which code with jumps otherwise has to have
_PUBLIC, _SUPER = 1, 0x20
_ARRAY, _KEEP_IN_ARRAY = b"\4\xbd", b"\x53"  # of one element; on top of it: its number, the element
_NUMBER_0, _LONG_0, _KEEP_HOSTS, _HOSTS = b"\3", b"\x09", b"\x3a\6", b"\x19\6"  # local 6
_STACK, _LOCALS = 12, 7
_JUMP = 3  # bytes


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
    methods += _method(pool, "listStatus", f"(L{_PATH};)[L{_STATUS};", _listed(pool))
    methods += _method(pool, "getFileBlockLocations", f"(L{_STATUS};JJ)[L{_BLOCK};", _located(pool))
    head = struct.pack(">H", _PUBLIC | _SUPER) + pool.named(_OURS) + pool.named(_VIEW)
    constants = struct.pack(">H", len(pool.entries) + 1) + b"".join(pool.entries)
    rest = struct.pack(">HHH", 0, 0, 4) + methods + struct.pack(">H", 0)  # no interfaces, no fields; four methods
    return struct.pack(">IHH", 0xCAFEBABE, 0, _JAVA_5) + constants + head + rest


def _listed(pool: _Pool) -> bytes:
    text, kind = f"L{_STRING};", f"(L{_PATH};)[L{_STATUS};"
    concat = pool.call(_STRING, "concat", f"({text}){text}")
    uri = _SELF + pool.call(_OURS, "getUri", f"()L{_URI};")
    bucket = pool.push("/") + uri + pool.call(_URI, "getAuthority", f"(){text}") + concat
    root = pool.new(_PATH) + _DUP + bucket + pool.call_special(_PATH, "<init>", f"({text})V")
    name = _ONE + pool.call(_STATUS, "getPath", f"()L{_PATH};") + pool.call(_PATH, "getName", f"(){text}")
    child = uri + pool.call(_URI, "toString", f"(){text}") + pool.push("./") + name + concat
    path = pool.new(_PATH) + _DUP + child + pool.call_special(_PATH, "<init>", f"({text}{text})V")
    other = _SELF + _FIRST + pool.call_special(_VIEW, "listStatus", kind) + _RETURN_IT
    asked = b"".join(
        (
            _SELF + _FIRST + pool.call(_OURS, "checkPath", f"(L{_PATH};)V"),
            _SELF + pool.call(_OURS, "getFallbackFileSystem", f"()L{_FILES};") + root,
            pool.call(_FILES, "listStatus", kind) + _KEEP_ALL,
        )
    )
    each = _ONE + path + pool.call(_STATUS, "setPath", f"(L{_PATH};)V") + _NEXT
    begin = _NUMBER + _ALL + _LENGTH
    body = begin + _jump(_IF_NOT_LESS, len(each) + _JUMP) + each
    loop = _FROM_0 + body + _jump(_GO, -len(body) - _JUMP)
    first = _FIRST + pool.call(_PATH, "isRoot", "()Z") + _jump(_IF_TRUE, len(other))
    return first + other + asked + loop + _ALL + _RETURN_IT


def _located(pool: _Pool) -> bytes:
    hosts = _ARRAY + pool.named(_STRING) + _DUP + _NUMBER_0 + pool.push("localhost") + _KEEP_IN_ARRAY + _KEEP_HOSTS
    size = _FIRST + pool.call(_STATUS, "getLen", "()J")
    made = pool.call_special(_BLOCK, "<init>", f"([L{_STRING};[L{_STRING};JJ)V")
    block = pool.new(_BLOCK) + _DUP + _HOSTS + _HOSTS + _LONG_0 + size + made
    return hosts + _ARRAY + pool.named(_BLOCK) + _DUP + _NUMBER_0 + block + _KEEP_IN_ARRAY + _RETURN_IT


def _jump(kind: bytes, over: int) -> bytes:
    """Over so many bytes behind it."""
    return kind + struct.pack(">h", over + _JUMP)


def _method(pool: _Pool, name: str, kind: str, code: bytes) -> bytes:
    body = struct.pack(">HHI", _STACK, _LOCALS, len(code)) + code + struct.pack(">HH", 0, 0)
    head = struct.pack(">H", _PUBLIC) + pool.text(name) + pool.text(kind) + struct.pack(">H", 1)
    return head + pool.text("Code") + struct.pack(">I", len(body)) + body
