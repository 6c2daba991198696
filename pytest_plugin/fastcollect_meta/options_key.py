"""The digest of what, besides files and variables, the collection of a file depends on."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from fastcollect_meta import __version__, _native, _recorder, treatments
from fastcollect_meta.active_adapters import class_trees, other_dependencies
from fastcollect_meta.compat import ini_settings
from fastcollect_meta.dependencies import ignored_variables, path_at_start

if TYPE_CHECKING:
    import pytest

__all__ = ["options_digests", "options_key"]

# Options (by their name in `config.option`) that select, report or say how to run, and so leave what a file yields as
# it is. Every other option, also of plugins we have never heard of, is part of the key.
SELECTS_OR_REPORTS = frozenset(
    """
    file_or_dir pyargs keyword markexpr deselect ignore ignore_glob keepduplicates collect_in_virtualenv
    lf failedfirst newfirst last_failed_no_failures stepwise stepwise_skip stepwise_reset
    cacheclear cacheshow collectonly maxfail continue_on_collection_errors
    verbose quiet no_header no_summary no_fold_skipped fold_skipped force_short_summary reportchars disable_warnings
    max_warnings showlocals tbstyle xfail_tb showcapture fulltrace color code_highlight durations durations_min
    pastebin xmlpath junitprefix traceconfig debug basetemp version help markers
    showfixtures show_fixtures_per_test setuponly setupshow setupplan usepdb usepdb_cls trace runxfail
    log_level log_format log_date_format log_cli_level log_cli_format log_cli_date_format log_file log_file_mode
    log_file_level log_file_format log_file_date_format log_auto_indent logger_disable
    override_ini inifilename rootdir plugins strict_config
    numprocesses maxprocesses maxworkerrestart maxschedchunk dist distload loadgroup loadscopereorder tx px
    rsyncdir rsyncignore testrunuid looponfail
    timeout timeout_method timeout_func_only timeout_disable_debugger_detection session_timeout
    cov_source cov_report cov_config no_cov_on_fail no_cov cov_fail_under cov_append cov_branch cov_context
    cov_precision cov_reset htmlpath self_contained_html css json_report json_report_file
    hypothesis_show_statistics reruns reruns_delay only_rerun rerun_except
    fcm_workers fcm_manifest fcm_report fcm_shard fcm_shard_by fcm_explain_imports
    randomly_seed randomly_reset_seed randomly_reorganize
    splits group durations_path splitting_algorithm store_durations clean_durations
    """.split()
)

# The same for values of the configuration file; what they set of the options above is seen there.
SELECTS_OR_REPORTS_INI = frozenset(
    """
    fastcollect_meta_workers fastcollect_meta_manifest fastcollect_meta_native fastcollect_meta_ordered
    addopts testpaths norecursedirs minversion required_plugins cache_dir console_output_style
    junit_duration_report junit_family junit_log_passing_tests junit_logging junit_suite_name
    log_level log_format log_date_format log_cli log_cli_level log_cli_format log_cli_date_format log_file
    log_file_mode log_file_level log_file_format log_file_date_format log_auto_indent
    faulthandler_timeout faulthandler_exit_on_timeout max_warnings looponfailroots rsyncdirs rsyncignore
    timeout timeout_method timeout_func_only timeout_disable_debugger_detection session_timeout
    tmp_path_retention_count tmp_path_retention_policy truncation_limit_chars truncation_limit_lines
    verbosity_assertions verbosity_subtests verbosity_test_cases xfail_strict strict_xfail
    """.split()
)

# Variables that C code reads behind everybody's back, and those that decide how the interpreter and pytest start.
_VARIABLES = (
    "LC_ALL",
    "LC_CTYPE",
    "LANG",
    "TZ",
    "PYTHONHASHSEED",
    "PYTEST_PLUGINS",
    "PYTEST_ADDOPTS",
)


def options_key(config: pytest.Config) -> bytes:
    """16 bytes that differ between two runs if what a file yields could, with all files and variables equal.

    Made from the versions of Python, pytest, plugins and ourselves, `sys.path` as it was when the recorder was
    installed, the folder pytest was started in, the root folder, the options and the values of the configuration file,
    but for those in `SELECTS_OR_REPORTS` and `SELECTS_OR_REPORTS_INI`.
    """
    return _recorder.digest(b"".join(options_digests(config).values()))


def options_digests(config: pytest.Config) -> dict[str, bytes]:
    """What the options key is made of: a digest for each kind of thing, by what people call it."""
    lines = {
        "versions": _versions(),
        "interpreter": _interpreter(),
        "sys.path": [repr(path_at_start())],
        "variables": [f"variable {name} {os.environ.get(name)!r}" for name in _VARIABLES],
        "plugins": [*_plugins(config), *_treatments(config)],
        "options": _options(config),
        "ini file": _ini(config),
    }
    return {
        name: _recorder.digest("\n".join(text).encode("utf-8", "surrogateescape"))
        for name, text in lines.items()
    }


def _versions() -> list[str]:
    import pytest

    return [
        f"python {sys.version}",
        f"implementation {sys.implementation.cache_tag}",
        f"pytest {pytest.__version__}",
        f"fastcollect {__version__} records {_native.RECORD_FORMAT}",
    ]


def _interpreter() -> list[str]:
    system = os.uname()
    return [
        f"prefix {sys.prefix} {sys.exec_prefix} {sys.base_prefix}",
        f"flags {_flags()!r}",
        f"options {sorted(sys._xoptions.items())!r} {sys.warnoptions!r}",
        f"finders {[_describe(finder) for finder in sys.meta_path]!r}",
        f"system {system.sysname} {system.machine}",
        f"encoding {sys.getfilesystemencoding()}",
    ]


def _flags() -> list[int]:
    harmless = ("dont_write_bytecode", "inspect", "interactive", "quiet", "verbose")
    flags = [name for name in dir(sys.flags) if not name.startswith("_")]
    return [
        value
        for name in flags
        if name not in harmless and isinstance(value := getattr(sys.flags, name), int)
    ]


def _plugins(config: pytest.Config) -> list[str]:
    installed = {
        f"{dist.project_name} {dist.version}"
        for _, dist in config.pluginmanager.list_plugin_distinfo()
    }
    lines = [f"plugin {name}" for name in sorted(installed)]
    # Their order counts as well: it is the order of their hooks.
    lines.append(f"named plugins {config.option.plugins!r}")
    return lines


def _treatments(config: pytest.Config) -> list[str]:
    """Records hold what hooks do that are treated per file."""
    declared = treatments.declarations(config)
    hooks = [
        f"hook {one.id} {one.treatment.value} {one.sort}" for _, one in sorted(declared.items())
    ]
    return [*hooks, f"class trees {class_trees(config)}", *other_dependencies(config)]


def _options(config: pytest.Config) -> list[str]:
    lines = [
        f"ignored variables {ignored_variables(config)}",
        f"rootdir {config.rootpath}",
        f"inipath {config.inipath}",
        f"started in {config.invocation_params.dir}",
    ]
    for name, value in sorted(vars(config.option).items()):
        if name not in SELECTS_OR_REPORTS and not name.startswith("fastcollect"):
            lines.append(f"option {name} {_describe(value)}")
    return lines


def all_options(config: pytest.Config) -> list[str]:
    """Every option but ours, also those that select or report; without a random seed, and what pytest-xdist makes up."""
    left_out = {"randomly_seed"}
    if hasattr(config, "workerinput"):
        left_out.add("basetemp")
    return [
        f"{name} {_describe(value)}\n"
        for name, value in sorted(vars(config.option).items())
        if not name.startswith("fcm_") and name not in left_out
    ]


def _ini(config: pytest.Config) -> list[str]:
    values = ini_settings(config)
    for setting in config.option.override_ini or ():
        name, _, value = setting.partition("=")
        values[name] = value
    return [
        f"ini {name} {_describe(value)}"
        for name, value in sorted(values.items())
        if name not in SELECTS_OR_REPORTS_INI and not name.startswith("fastcollect")
    ]


def _describe(value: object) -> str:
    """Text for a value that is the same in another process."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_describe(item) for item in value) + "]"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(_describe(item) for item in value)) + "}"
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{_describe(key)}: {_describe(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, os.PathLike):
        return f"path {os.fspath(value)!r}"
    kind = value if isinstance(value, type) else type(value)
    return f"{kind.__module__}.{kind.__qualname__}"
