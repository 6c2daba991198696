"""Tests in text files (key: value), a folder with a manifest, items without a class of their own."""

import pytest


def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".kv" and file_path.name.startswith("test"):
        return KeyValueFile.from_parent(parent, path=file_path)
    if file_path.suffix == ".one":
        return OneItemFile.from_parent(parent, path=file_path)
    return None


def pytest_collect_directory(path, parent):
    if (path / "manifest.txt").exists():
        return ManifestDirectory.from_parent(parent, path=path)
    return None


class KeyValueFile(pytest.File):
    def collect(self):
        for line in self.path.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.startswith("section"):
                yield Section.from_parent(self, name=key, content=value.strip())
            elif key == "broken":
                raise KeyValueError(value.strip())
            else:
                yield KeyValueItem.from_parent(self, name=key, value=value.strip())


class Section(pytest.Collector):
    def __init__(self, *, content, **kwargs):
        super().__init__(**kwargs)
        self.content = content
        self.add_marker("section")

    def collect(self):
        for part in self.content.split():
            yield KeyValueItem.from_parent(self, name=part, value=part)


class KeyValueError(Exception):
    pass


class KeyValueItem(pytest.Item):
    def __init__(self, *, value, **kwargs):
        super().__init__(**kwargs)
        self.value = value
        if value == "marked":
            self.add_marker(pytest.mark.xfail(reason="marked"))

    def runtest(self):
        if self.value != self.name:
            raise KeyValueError(f"{self.name} is not {self.value}")

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, KeyValueError):
            return f"wrong: {excinfo.value}"
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, 3, f"pair {self.name}"


class OneItemFile(pytest.File):
    def collect(self):
        item = PlainItem.from_parent(self, name="only")
        item.extra_keyword_matches.add("findable")
        item.user_properties.append(("from", "collect"))
        return [item]


class PlainItem(pytest.Item):
    def runtest(self):
        assert self.name == "only"


class ManifestDirectory(pytest.Directory):
    def collect(self):
        for name in (self.path / "manifest.txt").read_text(encoding="utf-8").split():
            yield from self.ihook.pytest_collect_file(file_path=self.path / name, parent=self)
