"""Which variables an iteration over the environment depends on, and their values as a manifest's check computes them.

`for name in os.environ` comes to every variable, and two terminals never have the same. Most code that does it wants
those with a prefix of its own: where its source says so, the dependency is on "PREFIX*" rather than on "*".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import CodeType

from fastcollect_meta import _recorder

__all__ = ["iterated", "value_of"]

_ALL = [b"*"]
#: A loop over the environment: name of its key ("" if it has none), what all that is used passes, first and last line.
Loop = tuple[str, list[ast.expr], int, int]
#: By file.
_known: dict[str, list[Loop]] = {}


def iterated(code: CodeType, line: int) -> list[bytes]:
    """Names for the iteration over the environment at a line of a code object: [b"*"], or prefixes with a "*"."""
    loops = _known.get(code.co_filename)
    if loops is None:
        # once: a program may do this with each request
        loops = _known[code.co_filename] = _loops_in(code.co_filename)
    names: list[bytes] = []
    found = False
    for key, filters, first, last in loops:
        if not first <= line <= last:
            continue
        found = True
        prefixes = [prefix for test in filters for prefix in _prefixes(key, test)]
        if not prefixes:
            return _ALL
        names += [prefix.encode("utf-8", "surrogateescape") + b"*" for prefix in prefixes]
    return names if found else _ALL


def value_of(name: bytes, environ: dict[bytes, bytes]) -> bytes:
    """What stands for a variable's value in `Dependencies.env_values`; for "PREFIX*" a digest of all of them."""
    if name.endswith(b"*"):
        entries = [key + b"=" + value for key, value in environ.items()]
        return b"=" + _recorder.environment_digest(name[:-1], entries)
    value = environ.get(name)
    return b"" if value is None else b"=" + value


def _loops_in(path: str) -> list[Loop]:
    try:
        with open(path, "rb") as file:
            return list(_loops(ast.parse(file.read())))
    except (OSError, SyntaxError, ValueError):
        return []


def _loops(tree: ast.Module) -> Iterator[Loop]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.For, ast.AsyncFor)):
            if _is_environment(node.iter):
                yield _key(node.target, node.iter), _filters(node), node.lineno, _last(node)
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            for part in node.generators:
                if _is_environment(part.iter):
                    yield _key(part.target, part.iter), part.ifs, node.lineno, _last(node)


def _last(node: ast.stmt | ast.expr) -> int:
    return node.end_lineno or node.lineno


def _is_environment(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id in ("list", "sorted", "tuple"):
            return len(node.args) == 1 and not node.keywords and _is_environment(node.args[0])
        return (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in ("items", "keys", "copy", "values")
            and _is_environment(node.func.value)
        )
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in ("environ", "environb")


def _key(target: ast.expr, source: ast.expr) -> str:
    while isinstance(source, ast.Call) and isinstance(source.func, ast.Name):
        source = source.args[0]
    method = (
        source.func.attr
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute)
        else "keys"
    )
    if method == "items" and isinstance(target, ast.Tuple) and target.elts:
        target = target.elts[0]
    elif method in ("items", "values"):
        return ""
    return target.id if isinstance(target, ast.Name) else ""


def _filters(loop: ast.For | ast.AsyncFor) -> list[ast.expr]:
    """What holds for each key that a loop does anything with."""
    first = loop.body[0]
    if loop.orelse or not isinstance(first, ast.If) or first.orelse:
        return []
    if len(loop.body) == 1:
        return [first.test]
    skips = len(first.body) == 1 and isinstance(first.body[0], ast.Continue)
    if skips and isinstance(first.test, ast.UnaryOp) and isinstance(first.test.op, ast.Not):
        return [first.test.operand]
    return []


def _prefixes(key: str, test: ast.expr) -> list[str]:
    """Prefixes of which a key must have one to pass the test; none if it can pass without."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return next((found for part in test.values if (found := _prefixes(key, part))), [])
    if (
        not isinstance(test, ast.Call)
        or not isinstance(test.func, ast.Attribute)
        or test.func.attr != "startswith"
        or not isinstance(test.func.value, ast.Name)
        or test.func.value.id != key
        or len(test.args) != 1
    ):
        return []
    wanted = test.args[0].elts if isinstance(test.args[0], ast.Tuple) else [test.args[0]]
    prefixes = []
    for prefix in wanted:
        if not isinstance(prefix, ast.Constant) or not prefix.value:
            return []
        if isinstance(prefix.value, bytes):
            prefixes.append(prefix.value.decode("utf-8", "surrogateescape"))
        elif isinstance(prefix.value, str):
            prefixes.append(prefix.value)
        else:
            return []
    return prefixes
