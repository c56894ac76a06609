"""Python-2 scripts, those of Glue 0.9 and 1.0, as Python 3: `translate` gives the same program, line for line.

Three steps, each of which only adds what is lacking: lib2to3 turns what Python 3 would read otherwise (statements,
methods and modules of Python 2); names that Python 2 had and the script doesn't make itself are made at its head; a
division of two integers floors, unless the script says `from __future__ import division`. What is not translated: text
and bytes are Python 3's, so that a script that encodes a text and writes the result as text finds `b'...'` there.

https://docs.aws.amazon.com/glue/latest/dg/release-notes.html (Glue 0.9 and 1.0 have Python 2.7)
"""

from __future__ import annotations

import ast
import warnings

# fmt: off
_FIXES = (
    "apply", "asserts", "basestring", "dict", "except", "exec", "execfile", "exitfunc", "filter", "funcattrs",
    "future", "getcwdu", "has_key", "idioms", "input", "itertools", "itertools_imports", "map", "metaclass",
    "methodattrs", "ne", "next", "nonzero", "numliterals", "operator", "paren", "raise", "renames", "repr",
    "standarderror", "sys_exc", "throw", "tuple_params", "types", "urllib", "imports", "imports2", "zip",
)
# fmt: on
# How a name of Python 2 is made, where the script takes it for granted.
_NAMES = {
    "apply": "apply = lambda function, args=(), kwargs={}: function(*args, **kwargs)",
    "basestring": "basestring = str",
    "buffer": "buffer = memoryview",
    "cmp": "cmp = lambda one, other: (one > other) - (one < other)",
    "execfile": "execfile = lambda path: exec(compile(open(path).read(), path, 'exec'), globals())",
    "file": "file = open",
    "intern": "from sys import intern",
    "long": "long = int",
    "raw_input": "raw_input = input",
    "reduce": "from functools import reduce",
    "reload": "from importlib import reload",
    "unichr": "unichr = chr",
    "unicode": "unicode = str",
    "xrange": "xrange = range",
}
# Names of Python 2's own that Spark's functions have taken since Spark 2.4: `from pyspark.sql.functions import *` of a
# script of that age did not bring them.
_SHADOWED = {"filter": "from builtins import filter", "reduce": "from functools import reduce"}
_DIVIDE = "_python2_divide"
_KEY = "_python2_key"
_DIVISION = (
    f"{_DIVIDE} = lambda one, other: one // other if isinstance(one, int) and isinstance(other, int) else one / other"
)


def translate(source: str) -> str:
    """The same program for Python 3. What is a program of neither Python comes back as it is: Python says why."""
    source = source.removeprefix("\ufeff")
    statements = _parsed(source) is None
    turned = _refactored(source, statements=statements)
    tree = _parsed(turned)
    if tree is None:
        turned = _refactored(_spaced(source), statements=statements)
        tree = _parsed(turned)
    if tree is None:
        return source
    turned = _edited(turned, tree, divides="division" not in _futures(source))
    tree = ast.parse(turned)
    return _headed(turned, tree)


def named(source: str) -> str:
    """The same, of a script that may be of either Python: what Python 3 reads gets only the names that it lacks."""
    tree = _parsed(source)
    return translate(source) if tree is None else _headed(source, tree)


def _parsed(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" and the like
            return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _spaced(source: str) -> str:
    """Without tabs before a line: Python 3 refuses a mix of tabs and spaces, where Python 2 took a tab for up to 8."""
    lines = source.splitlines(keepends=True)
    rest = [line.lstrip(" \t") for line in lines]
    return "".join(line[: len(line) - len(end)].expandtabs(8) + end for line, end in zip(lines, rest, strict=True))


def _futures(source: str) -> set[str]:
    """What `from __future__ import` names, in a text that Python 3 may not read."""
    found: set[str] = set()
    for line in source.splitlines():
        if line.startswith("from __future__ import"):
            names = line.split("import", 1)[1].partition("#")[0].replace("(", "").replace(")", "")
            found |= {name.strip() for name in names.split(",")}
    return found


def _refactored(source: str, *, statements: bool) -> str:
    """By lib2to3. `statements`: the text has what Python 3 can't read; else `print(...)` is taken for a function."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lib2to3 is deprecated; this Python has it
        from lib2to3 import refactor  # noqa: PLC0415 - few scripts need it
        from lib2to3.pgen2 import parse, tokenize  # noqa: PLC0415 - likewise

    for printing in (True, False) if statements else (False,):
        fixes = [f"lib2to3.fixes.fix_{name}" for name in [*_FIXES, *(["print"] if printing else [])]]
        tool = refactor.RefactoringTool(fixes, {"print_function": not printing})
        ended = source if source.endswith("\n") else source + "\n"
        try:
            return str(tool.refactor_string(ended, "script"))
        except (parse.ParseError, tokenize.TokenError, IndentationError):
            continue
    return source


def _edited(source: str, tree: ast.Module, *, divides: bool) -> str:
    """With what lib2to3 leaves: `cmp=` of a sort, and if `divides` each `a / b` as a call that floors for two integers,
    unless it surely is no such division.
    """
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def place(row: int, column: int) -> int:  # a syntax tree counts bytes
        return starts[row - 1] + len(lines[row - 1].encode()[:column].decode())

    edits: list[tuple[int, int, int, str]] = []  # where, how much goes, order at one place, what comes
    for depth, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.Call) and (key := _compared(node)) is not None:
            start, value = place(key.lineno, key.col_offset), place(key.value.lineno, key.value.col_offset)
            end = place(key.value.end_lineno or 0, key.value.end_col_offset or 0)
            edits += [(start, value - start, 0, f"key={_KEY}("), (end, 0, -depth, ")")]
        elif not divides:
            continue
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not _whole(node.left, node.right):
            start, end = place(node.lineno, node.col_offset), place(node.end_lineno or 0, node.end_col_offset or 0)
            after = place(node.left.end_lineno or 0, node.left.end_col_offset or 0)
            before = place(node.right.lineno, node.right.col_offset)
            slash = _slash(source[after:before])
            edits += [(start, 0, depth, f"{_DIVIDE}("), (after + slash, 1, 0, ","), (end, 0, -depth, ")")]
        elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Div) and _calls_nothing(node.target):
            after = place(node.target.end_lineno or 0, node.target.end_col_offset or 0)
            target = source[place(node.target.lineno, node.target.col_offset) : after]
            start, end = (
                place(node.value.lineno, node.value.col_offset),
                place(node.end_lineno or 0, node.end_col_offset or 0),
            )
            edits += [(after, start - after, 0, f" = {_DIVIDE}({target}, "), (end, 0, -depth, ")")]
    for where, gone, _, come in sorted(edits, key=lambda edit: (edit[0], edit[2]), reverse=True):
        source = source[:where] + come + source[where + gone :]
    return source


def _whole(*operands: ast.expr) -> bool:
    """Whether one of them is written as a number with a point, or as a text."""
    return any(isinstance(one, ast.Constant) and not isinstance(one.value, int) for one in operands)


def _compared(node: ast.Call) -> ast.keyword | None:
    """The `cmp=` of `xs.sort(...)` and `sorted(...)`."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    keys = [one for one in node.keywords if one.arg in {"cmp", "key"}]
    return keys[0] if name in {"sort", "sorted"} and len(keys) == 1 and keys[0].arg == "cmp" else None


def _calls_nothing(target: ast.expr) -> bool:
    """Whether it may be written twice."""
    return not any(isinstance(one, ast.Call) for one in ast.walk(target))


def _slash(between: str) -> int:
    """Where the operator stands among brackets, comments and line ends."""
    offset = 0
    while between[offset] != "/":
        if between[offset] == "#":
            offset = between.index("\n", offset)
        offset += 1
    return offset


def _headed(source: str, tree: ast.Module) -> str:
    """With what it takes for granted made on its first free line, and made again after Spark's names came by `*`."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    bound = _bound(tree)
    head = [text for name, text in _NAMES.items() if name in used - bound]
    if _DIVIDE in used:
        head.append(_DIVISION)
    if _KEY in used:
        head.append(f"from functools import cmp_to_key as {_KEY}")
    own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    again = "; ".join(text for name, text in _SHADOWED.items() if name in used - own)
    lines = source.splitlines(keepends=True)
    for node in ast.walk(tree):
        if again and isinstance(node, ast.ImportFrom) and _brings_all_of_spark(node):
            _put_behind(lines, node, again)
    if head:
        _put_first(lines, tree, "; ".join(head))
    return "".join(lines)


def _bound(tree: ast.Module) -> set[str]:
    """Names that the module itself binds at its top level, imports among them."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


def _brings_all_of_spark(node: ast.ImportFrom) -> bool:
    return node.module == "pyspark.sql.functions" and any(alias.name == "*" for alias in node.names)


def _put_behind(lines: list[str], node: ast.stmt, text: str) -> None:
    row = (node.end_lineno or 0) - 1
    line = lines[row].encode()
    lines[row] = (line[: node.end_col_offset] + f"; {text}".encode() + line[node.end_col_offset :]).decode()


def _put_first(lines: list[str], tree: ast.Module, text: str) -> None:
    """Behind the docstring and `from __future__`, else before the first statement: on a line that is there already."""
    last = None
    for position, node in enumerate(tree.body):
        docstring = position == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not docstring and not future:
            break
        last = node
    if last is not None:
        _put_behind(lines, last, text)
        return
    first = tree.body[0]
    row = first.lineno - 1
    if isinstance(first, ast.FunctionDef | ast.ClassDef) and first.decorator_list:
        row = first.decorator_list[0].lineno - 1
    if isinstance(first, _COMPOUND):
        lines.insert(row, f"{text}\n")  # nothing may stand before it on its line
    else:
        lines[row] = f"{text}; {lines[row]}"


_COMPOUND = (ast.FunctionDef, ast.ClassDef, ast.If, ast.For, ast.While, ast.Try, ast.With)
