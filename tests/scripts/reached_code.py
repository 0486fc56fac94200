"""What of the toolkit's code a script can reach, by its syntax trees alone.

A name is followed to the function, class or module that it stands for. Of what cannot
be known without running it too much is taken rather than too little: `x.name` reaches
the method `name` of every class that is reached.
"""

import ast
import collections
import dataclasses
import functools
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@functools.cache
def path_of(module):
    """The file of a module of this repository, or None."""
    base = os.path.join(ROOT, *module.split("."))
    for path in (f"{base}.py", os.path.join(base, "__init__.py")):
        if os.path.exists(path):
            return path
    return None


@dataclasses.dataclass(frozen=True, eq=False)
class Unit:
    """A function or method, or what of a module or class is in none."""

    module: str
    owner: str
    name: str
    parts: tuple

    @functools.cached_property
    def nodes(self):
        """Names, attributes and texts."""
        kinds = (ast.Name, ast.Attribute, ast.Constant)
        found = (node for part in self.parts for node in ast.walk(part))
        return [node for node in found if isinstance(node, kinds)]


class Module:
    """A module's functions, classes and imports."""

    def __init__(self, name):
        with open(path_of(name), encoding="utf-8") as file:
            tree = ast.parse(file.read())
        self.name = name
        self.functions, self.classes = {}, {}
        rest = self._take(tree.body, owner="", into=self.functions)
        self.code = Unit(name, "", "", tuple(rest))
        self.imports = {}
        for node in ast.walk(tree):
            self._import(node)

    def _take(self, body, *, owner, into):
        rest = []
        for node in body:
            if isinstance(node, ast.FunctionDef):
                parts = (*node.body, *node.decorator_list)
                into[node.name] = Unit(self.name, owner, node.name, parts)
            elif isinstance(node, ast.ClassDef) and not owner:
                methods = {}
                code = self._take(node.body, owner=node.name, into=methods)
                bases = (*node.bases, *node.decorator_list)
                unit = Unit(self.name, node.name, "", (*code, *bases))
                self.classes[node.name] = (unit, methods)
            else:
                rest.append(node)
        return rest

    def _import(self, node):
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.imports[alias.asname or alias.name] = (alias.name, "")
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                self.imports[alias.asname or alias.name] = (node.module, alias.name)


@functools.cache
def load(name):
    return Module(name) if path_of(name) else None


def clear_caches():
    """Forgets what was read; ROOT may be another one now."""
    load.cache_clear()
    path_of.cache_clear()


class Reached:
    """The units that are reached from some modules.

    Args:
        modules: All that is in them is reached.
        ignored: Says of a function's name whether what it does counts for nothing.
    """

    def __init__(self, modules, *, ignored):
        self.units = set()
        self._ignored = ignored
        self._pending = collections.deque()
        self._attributes = set()
        self._methods = collections.defaultdict(list)
        for name in modules:
            module = self._reach_module(name)
            for unit in module.functions.values():
                self._reach(unit)
            for kind, (_, methods) in module.classes.items():
                self._reach_class(module, kind)
                for method in methods.values():
                    self._reach(method)
        while self._pending:
            self._follow(self._pending.popleft())

    def _reach(self, unit):
        if unit not in self.units and not self._ignored(unit.name):
            self.units.add(unit)
            self._pending.append(unit)

    def _reach_module(self, name):
        module = load(name)
        if module is not None:
            self._reach(module.code)
        return module

    def _reach_class(self, module, name):
        unit, methods = module.classes[name]
        if unit in self.units:
            return
        self._reach(unit)
        for method in methods.values():
            if method.name.startswith("__") or method.name in self._attributes:
                self._reach(method)
            self._methods[method.name].append(method)

    def _reach_attribute(self, name):
        if name not in self._attributes:
            self._attributes.add(name)
            for method in self._methods[name]:
                self._reach(method)

    def _reach_member(self, module_name, name):
        """Follows `module.name`, through modules that only hand it on."""
        if path_of(f"{module_name}.{name}"):
            self._reach_module(f"{module_name}.{name}")
            return
        module = self._reach_module(module_name)
        if module is None:
            return
        if name in module.functions:
            self._reach(module.functions[name])
        elif name in module.classes:
            self._reach_class(module, name)
        elif name in module.imports:
            self._reach_member(*module.imports[name])

    def _follow(self, unit):
        module = load(unit.module)
        for node in unit.nodes:
            if isinstance(node, ast.Name):
                self._follow_name(module, node.id)
            elif isinstance(node, ast.Attribute):
                self._follow_attribute(module, node)
            elif isinstance(node.value, str):
                self._follow_text(node.value)

    def _follow_name(self, module, name):
        if name in module.imports:
            self._reach_member(*module.imports[name])
        else:
            self._reach_member(module.name, name)

    def _follow_attribute(self, module, node):
        self._reach_attribute(node.attr)
        if isinstance(node.value, ast.Name) and node.value.id in module.imports:
            package, name = module.imports[node.value.id]
            self._reach_member(f"{package}.{name}".rstrip("."), node.attr)

    def _follow_text(self, text):
        """Modules imported by their name: `finder.find` is a function in one."""
        if "." in text and all(part.isidentifier() for part in text.split(".")):
            module = self._reach_module(text) if path_of(text) else None
            for name, unit in module.functions.items() if module else ():
                self._methods[name].append(unit)
                if name in self._attributes:
                    self._reach(unit)
