"""The environment is made once, renewed when something changed, and what hinders it is told in one line."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from launch import components, environment, messages, python_version

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment for requirements that need no network."""
    root = tmp_path_factory.mktemp("project")
    (root / "requirements.txt").write_text("# nothing\n", encoding="utf-8")
    (root / "requirements-test.txt").write_text("-r requirements.txt\n# nothing more\n", encoding="utf-8")
    environment.ensure_environment(root, "requirements-test.txt")
    return root


@pytest.fixture
def installs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requirements files that pip was asked to install, without doing it."""
    asked: list[str] = []
    monkeypatch.setattr(environment, "_install", lambda _root, _python, requirements: asked.append(requirements))
    return asked


class TestPythonVersion:
    @pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 9), (3, 10, 99)])
    def test_too_old_is_told_in_one_line(self, version: tuple[int, ...]) -> None:
        told = python_version.too_old(version)
        assert told is not None
        assert "3.11 or later" in told
        assert ".".join(map(str, version)) in told
        assert "\n" not in told

    @pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 20, 0)])
    def test_new_enough(self, version: tuple[int, ...]) -> None:
        assert python_version.too_old(version) is None

    def test_no_venv_is_told_in_one_line(self) -> None:
        told = python_version.missing_parts(("venv", "no_such_ensurepip"))
        assert told is not None
        assert "no no_such_ensurepip" in told
        assert "python3-venv" in told
        assert "\n" not in told
        assert python_version.missing_parts() is None

    @pytest.mark.parametrize("launcher", ["run", "test", "bench"])
    def test_a_launcher_leaves_with_that_line_before_it_reads_newer_files(self, launcher: str) -> None:
        """The launcher runs on a Python that pretends to be old."""
        code = (
            "import runpy, sys\n"
            "sys.argv[1:] = ['--help']\n"
            "sys.version_info = (3, 6, 9, 'final', 0)\n"
            f"runpy.run_path({str(ROOT / launcher)!r}, run_name='__main__')\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1
        assert done.stderr.splitlines() == [python_version.too_old((3, 6, 9))]

    @pytest.mark.parametrize("path", ["run", "test", "bench", "launch/__init__.py", "launch/python_version.py"])
    def test_an_old_python_can_read_what_leads_to_the_check(self, path: str) -> None:
        ast.parse((ROOT / path).read_text(encoding="utf-8"), feature_version=(3, 6))

    def test_launchers_import_the_standard_library_only(self) -> None:
        for path in [*(ROOT / "launch").glob("*.py"), ROOT / "run", ROOT / "test", ROOT / "bench"]:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                for name in names:
                    assert name.split(".")[0] in {*sys.stdlib_module_names, "launch"}, (path, name)


class TestEnvironment:
    def test_it_has_a_python_of_its_own_with_pip(self, project: Path) -> None:
        python = environment.ensure_environment(project, "requirements-test.txt")
        assert python.is_relative_to(project / ".venv")
        done = subprocess.run([python, "-c", "import pip, sys; print(sys.prefix)"], capture_output=True, check=True)
        assert Path(done.stdout.decode().strip()).resolve() == (project / ".venv").resolve()

    def test_a_second_time_does_nothing(
        self, project: Path, installs: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        environment.ensure_environment(project, "requirements-test.txt")
        assert installs == []
        assert capsys.readouterr().out == ""

    def test_an_included_file_is_installed_with_the_one_that_includes_it(
        self, project: Path, installs: list[str]
    ) -> None:
        environment.ensure_environment(project, "requirements.txt")
        assert installs == []

    def test_changed_requirements_are_installed_and_the_old_ones_again_when_they_come_back(
        self, project: Path, installs: list[str]
    ) -> None:
        base = project / "requirements.txt"
        before = base.read_text(encoding="utf-8")
        base.write_text("# another\n", encoding="utf-8")
        environment.ensure_environment(project, "requirements.txt")
        assert installs == ["requirements.txt"]
        base.write_text(before, encoding="utf-8")
        environment.ensure_environment(project, "requirements-test.txt")
        environment.ensure_environment(project, "requirements.txt")
        assert installs == ["requirements.txt", "requirements-test.txt"]

    def test_what_pip_did_not_finish_is_done_again(
        self, project: Path, installs: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / "requirements-bench.txt").write_text("# nothing\n", encoding="utf-8")

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(environment, "_install", interrupted)
            with pytest.raises(KeyboardInterrupt):
                environment.ensure_environment(project, "requirements-bench.txt")
        environment.ensure_environment(project, "requirements-bench.txt")
        assert installs == ["requirements-bench.txt"]

    @pytest.mark.usefixtures("installs")
    def test_another_python_version_or_a_half_made_one_is_made_new(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[Path] = []
        monkeypatch.setattr(environment, "_make", made.append)
        with monkeypatch.context() as patch:
            patch.setattr(environment, "_version", lambda: "3.99.0")
            environment.ensure_environment(project, "requirements.txt")
        assert made == [project / ".venv"]
        mark = project / ".venv" / "made"
        kept = mark.read_text(encoding="utf-8")
        mark.unlink()
        environment.ensure_environment(project, "requirements.txt")
        mark.write_text(kept, encoding="utf-8")
        assert made == [project / ".venv"] * 2

    def test_a_folder_that_is_no_environment_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "requirements.txt").write_text("", encoding="utf-8")
        (tmp_path / ".venv").mkdir()
        (tmp_path / ".venv" / "precious.txt").write_text("mine", encoding="utf-8")
        with pytest.raises(messages.Refusal, match="move it away"):
            environment.ensure_environment(tmp_path, "requirements.txt")
        assert (tmp_path / ".venv" / "precious.txt").exists()

    def test_a_missing_requirements_file_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(messages.Refusal, match=r"requirements\.txt is missing"):
            environment.ensure_environment(tmp_path, "requirements.txt")

    def test_what_pip_cannot_install_is_told_with_its_last_lines(self, project: Path) -> None:
        (project / "requirements-broken.txt").write_text("./no-such-folder\n", encoding="utf-8")
        with pytest.raises(messages.Refusal, match=r"pip could not install requirements-broken\.txt") as refused:
            environment.ensure_environment(project, "requirements-broken.txt")
        assert any("no-such-folder" in line for line in refused.value.why)
        assert not (project / ".venv" / "installed-requirements-broken.txt").exists()


class TestMessages:
    def test_a_refusal_is_its_reasons_then_one_line_and_its_code(self, capsys: pytest.CaptureFixture[str]) -> None:
        def refuse() -> int:
            raise messages.Refusal("It cannot be.", why=["first", "second"], code=7)

        assert messages.leave(refuse) == 7
        assert capsys.readouterr().err.splitlines() == ["  first", "  second", "It cannot be."]

    def test_an_interruption_is_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        def interrupted() -> int:
            raise KeyboardInterrupt

        assert messages.leave(interrupted) == 130
        assert capsys.readouterr().err == "Interrupted.\n"

    def test_the_last_lines_of_a_log(self, tmp_path: Path) -> None:
        log = tmp_path / "a.log"
        log.write_bytes(b"one\n\ntwo \xff\nthree\n")
        assert messages.last_lines(log, 2) == ["two �", "three"]
        assert messages.last_lines(tmp_path / "none.log") == []


class TestComponents:
    def test_a_component_is_where_the_setting_says_or_nowhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        browser = tmp_path / "my-browser"
        browser.touch()
        monkeypatch.setenv("DELTABOARD_CHROMIUM", str(browser))
        assert components.find_chromium() == browser
        monkeypatch.setenv("DELTABOARD_CHROMIUM", str(tmp_path / "gone"))
        assert components.find_chromium() is None
        for program in components.SERVER_PROGRAMS:
            (tmp_path / (program + (".exe" if os.name == "nt" else ""))).touch()
        monkeypatch.setenv("DELTABOARD_POSTGRESQL", str(tmp_path))
        assert components.find_postgresql() == tmp_path
        (tmp_path / "initdb").unlink()
        assert components.find_postgresql() is None

    def test_what_is_missing_is_told_with_its_remedy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for component in components.COMPONENTS:
            monkeypatch.setenv(component.variable, "/no/such/place")
        variables, missing = components.settings_for_tests()
        assert variables == {}
        assert [line.split(":")[0] for line in missing] == [component.tests for component in components.COMPONENTS]
        for component, line in zip(components.COMPONENTS, missing, strict=True):
            assert f"no {component.name} found" in line
            assert f"apt install {component.package}" in line
            assert component.variable in line

    def test_root_on_debian_gets_what_is_missing_and_no_maven_where_there_is_one(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        ran: list[list[str]] = []
        monkeypatch.setattr(components, "run_quietly", lambda command, _: (ran.append(command), (0, []))[1])
        monkeypatch.setattr(components, "_may_install", lambda: True)
        monkeypatch.setattr(components, "_is_installed", lambda _: True)
        monkeypatch.setattr(components, "_has_package_lists", lambda: True)
        for component in components.COMPONENTS:
            monkeypatch.setenv(component.variable, "/no/such/place")
        monkeypatch.setenv("DELTABOARD_MAVEN", "/no/such/mvn")
        components.install_missing()
        wanted = ["chromium", "postgresql", "default-jre-headless", "maven", "nodejs"]
        assert [package for package in ran[0] if package in wanted] == wanted
        maven = tmp_path / "mvn"
        maven.touch()
        monkeypatch.setenv("DELTABOARD_MAVEN", str(maven))
        components.install_missing()
        wanted.remove("maven")
        assert [package for package in ran[1] if package in [*wanted, "maven"]] == wanted

    @pytest.mark.parametrize(("value", "expected"), [("true", True), ("1", True), ("", False), ("false", False)])
    def test_ci_is_told_by_its_variable(self, value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CI", value)
        assert components.is_ci() is expected
