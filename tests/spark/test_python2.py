"""Python-2 scripts do on Python 3 what they did on Python 2; names of old Sparks are there for old versions of Glue.

They run in the image's Python, which is the one that translates in a job.
"""

import ast
import textwrap
from pathlib import Path
from typing import Any

import pytest

import clary.images
from spark.oracle import Oracle

FOLDER = str(Path(clary.images.__file__).parent / "spark")
HEAD = "import sys\nsys.path.insert(0, folder)\nfrom python2 import translate\n"


def translated(oracle: Oracle, script: str) -> str:
    text: str = oracle.run(f"{HEAD}text = translate(old)", folder=FOLDER, old=textwrap.dedent(script))["text"]
    return text


def answers(oracle: Oracle, script: str, **given: Any) -> dict[str, Any]:
    return oracle.run(translated(oracle, script), **given)


def test_statements_methods_and_modules(oracle: Oracle) -> None:
    script = '''\
        # -*- coding: utf-8 -*-
        """What Python 2 alone reads."""
        import sys, urllib2, ConfigParser
        from StringIO import StringIO
        from itertools import izip, imap

        def pair((a, b), c):
            return a, b, c

        out = StringIO()
        print >>out, "one", 2
        print >>out, `3`,
        said = out.getvalue()
        d = {"a": 1}
        items = [d.has_key("a"), 1 <> 2, [k for k, v in d.iteritems()]]
        try:
            raise ValueError, "bad"
        except ValueError, error:
            why = str(error)
        first = map(str, [7, 8])[0], filter(lambda x: x > 7, [7, 8])[0], zip([1], [2])[0]
        both = [a + b for a, b in izip([1, 2], imap(int, ["3", "4"]))]
        number, octal = 5L, 0777
        tupled = pair((1, 2), 3)
        exec "made = number + 1"
        parser = ConfigParser.RawConfigParser is not None and urllib2.urlopen is not None
    '''
    found = answers(oracle, script)
    assert found["said"].split() == ["one", "2", "3"]
    assert found["items"] == [True, True, ["a"]]
    assert found["why"] == "bad"
    assert found["first"] == ("7", 8, (1, 2))
    assert found["both"] == [4, 6]
    assert (found["number"], found["octal"], found["made"]) == (5, 511, 6)
    assert found["tupled"] == (1, 2, 3)
    assert found["parser"]


def test_names_that_python_3_lacks(oracle: Oracle) -> None:
    """The script parses as Python 3; and it means Python's own reduce, whatever Spark's functions bring."""
    script = """\
        from __future__ import print_function
        from pyspark.sql.functions import *
        total = reduce(lambda a, b: a + b, xrange(5), 0)
        kept = filter(lambda x: x % 2, [1, 2, 3])
        text = unicode("a") + unichr(98), isinstance("a", basestring), isinstance(5, long), cmp(1, 2)
        lines = spark.sparkContext.parallelize([3, 4], 1).map(lambda x: list(xrange(x / 2))).collect()
        counted = spark.range(3).select(max(col("id"))).first()[0]
    """
    found = answers(oracle, script)
    assert found["total"] == 10
    assert found["kept"] == [1, 3]
    assert found["text"] == ("ab", True, True, -1)
    assert found["lines"] == [[0], [0, 1]]
    assert found["counted"] == 2


def test_division_of_integers_floors(oracle: Oracle) -> None:
    script = """\
        a, b = 7, 2
        values = [a / b, (a + 2) / (b), a / b / 2, -a / b, a / 2.0, a * b / 4, 1.0 * a / b, (a /  # half
            b)]
        a /= b
        held = {"x": 7}
        held["x"] /= b
        values += [a, held["x"]]
    """
    assert answers(oracle, script)["values"] == [3, 4, 1, -4, 3.5, 3, 3.5, 3, 3, 3]
    true = "from __future__ import division\nvalue = 7 / 2\n"
    assert answers(oracle, true)["value"] == 3.5


def test_sorting_by_comparison(oracle: Oracle) -> None:
    script = """\
        xs = [3, 1, 2]
        xs.sort(cmp=lambda a, b: cmp(b, a))
        ys = sorted([3, 1, 2], cmp=cmp), sorted([3, 1], key=lambda x: x)
    """
    found = answers(oracle, "\ufeff" + textwrap.dedent(script))
    assert (found["xs"], found["ys"]) == ([3, 2, 1], ([1, 2, 3], [1, 3]))


def test_lines_stay_where_they_are(oracle: Oracle) -> None:
    """A traceback of a translated script points at the line that the user wrote."""
    script = 'import os\n\nx = xrange(3)\nprint "a"\n\ndef f():\n    return 1 / 0\n'
    lines = translated(oracle, script).splitlines()
    assert len(lines) == 7
    assert "/" not in lines[6] or "1" in lines[6]
    assert lines[5] == "def f():"


def test_names_of_its_own_are_left(oracle: Oracle) -> None:
    script = """\
        try:
            unicode
        except NameError:
            unicode = str
        def reduce(one, other):
            return "mine"
        value = reduce(1, 2), unicode(3)
    """
    assert answers(oracle, script)["value"] == ("mine", "3")


def test_tabs_and_spaces_mixed(oracle: Oracle) -> None:
    script = "if True:\n\tx = 1\n        y = x\nprint y\n"
    assert answers(oracle, script)["y"] == 1


def test_what_is_no_program_comes_back(oracle: Oracle) -> None:
    """Python's own error then shows the user's own text."""
    broken = "def f(:\n    print 'x'\n"
    assert translated(oracle, broken) == broken
    with pytest.raises(SyntaxError):
        ast.parse(broken)


def test_a_program_for_python_3_stays_one(oracle: Oracle) -> None:
    script = "import sys\nprint('x', file=sys.stderr)\nname = f'{1 + 1}'\nif (n := 3) > 2:\n    pass\n"
    found = answers(oracle, script)
    assert (found["name"], found["n"]) == ("2", 3)


def test_old_names_of_spark(oracle: Oracle) -> None:
    """In a process of its own, since it changes Spark's modules; the JVM is not needed for their names."""
    script = """
    import subprocess, sys
    code = '''
    import oldspark
    oldspark.install("0.9")
    from pyspark.sql.functions import *
    from pyspark.ml.feature import *
    assert filter is __builtins__.filter, filter
    assert "reduce" not in globals()
    assert col and hasattr(OneHotEncoder, "transform")
    assert OneHotEncoderEstimator is OneHotEncoder
    from pyspark.ml.clustering import KMeansModel
    assert KMeansModel.computeCost
    '''
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    said, status = ran.stderr, ran.returncode
    """
    found = oracle.run("import textwrap\n" + textwrap.dedent(script))
    assert found["status"] == 0, found["said"]


def test_what_may_be_either_python_is_read_by_python_3(oracle: Oracle) -> None:
    head = HEAD.replace("translate", "named")
    either = {"new": "found = list(xrange(3)), 1 / 2, unicode(5)", "old": "print 'old'\nfound = 1 / 2"}
    made = oracle.run(
        f"{head}made = {{name: named(text) for name, text in given.items()}}", folder=FOLDER, given=either
    )
    assert oracle.run(made["made"]["new"])["found"] == ([0, 1, 2], 0.5, "5")
    assert oracle.run(made["made"]["old"])["found"] == 0
