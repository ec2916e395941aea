"""Parts: registered, found, configured, missing, broken, and brought by other packages."""

from __future__ import annotations

import doctest
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from decisight import registry
from decisight.errors import MissingPartError, UsageError
from decisight.registry import Registry, foreign_parts


@dataclass(frozen=True)
class Shade:
    """A part within a part."""

    darkest: int = 20


@dataclass(frozen=True, slots=True)
class Gate:
    """A part with every kind of field that configurations know."""

    width: Annotated[int, Field(ge=1, le=512)] = 224
    mode: Literal["crop", "stretch"] = "crop"
    labels: tuple[str, ...] = ()
    threshold: float | None = None
    shade: Shade = field(default_factory=Shade)

    def __post_init__(self) -> None:
        if self.mode == "crop" and self.width == 13:
            raise ValueError("a crop cannot be 13 wide")
        if self.labels == ("-",):
            raise UsageError("a label cannot be '-'")


@dataclass(frozen=True)
class Sink:
    """A part that cannot do without an option."""

    url: str
    retries: int = 3


def a_gate() -> str:
    return "gate"


@pytest.fixture
def gates() -> Registry[object]:
    parts: Registry[object] = Registry("gate")
    parts.register("gate")(Gate)
    parts.register("sink")(Sink)
    parts.register("plain")(a_gate)
    return parts


class TestRegistering:
    def test_the_decorator_gives_back_what_it_was_given(self) -> None:
        parts: Registry[object] = Registry("gate")

        @parts.register("shade")
        @dataclass(frozen=True)
        class Local:
            pass

        assert parts.build("shade") == Local()

    def test_names_are_sorted_and_can_be_iterated(self, gates: Registry[object]) -> None:
        assert gates.names() == ("gate", "plain", "sink")
        assert list(gates) == ["gate", "plain", "sink"]
        assert "gate" in gates
        assert "fog" not in gates

    def test_a_name_is_registered_once(self, gates: Registry[object]) -> None:
        with pytest.raises(ValueError, match="the gate 'gate' is registered twice"):
            gates.register("gate")(Shade)
        assert isinstance(gates.build("gate"), Gate)

    @pytest.mark.parametrize("name", ["", "Gate", "my-gate", "my gate", "2gates", "gate.fog"])
    def test_a_name_that_configurations_could_not_hold(self, name: str) -> None:
        with pytest.raises(ValueError, match="is no name for a gate"):
            Registry[object]("gate").register(name)

    def test_registries_share_nothing(self, gates: Registry[object]) -> None:
        assert Registry[object]("gate").names() == ()

    def test_the_example_in_the_documentation(self) -> None:
        assert doctest.testmod(registry).failed == 0


class TestBuilding:
    def test_defaults(self, gates: Registry[object]) -> None:
        assert gates.build("gate") == gates.build("gate", {}) == Gate()
        assert gates.build("plain") == "gate"

    def test_a_configuration_as_yaml_gives_it(self, gates: Registry[object]) -> None:
        config = {"width": "300", "mode": "stretch", "labels": ["a", "b"], "threshold": 1, "shade": {"darkest": 5}}
        built = gates.build("gate", config)
        assert built == Gate(300, "stretch", ("a", "b"), 1.0, Shade(5))
        assert isinstance(built, Gate)
        assert isinstance(built.threshold, float)

    def test_the_configuration_is_left_as_it_was(self, gates: Registry[object]) -> None:
        config = {"labels": ["a"]}
        gates.build("gate", config)
        assert config == {"labels": ["a"]}

    @given(st.integers(-1000, 1000))
    def test_bounds_hold_for_every_value(self, width: int) -> None:
        parts: Registry[Gate] = Registry("gate")
        parts.register("gate")(Gate)
        if 1 <= width <= 512 and width != 13:
            assert parts.build("gate", {"width": width}).width == width
        else:
            with pytest.raises(UsageError):
                parts.build("gate", {"width": width})

    @pytest.mark.parametrize(
        ("name", "config", "message", "hint"),
        [
            # A key that is nearly right, and one that is like none.
            (
                "gate",
                {"widht": 3},
                "gate 'gate': there is no option widht (given: 3)",
                "did you mean 'width'? it takes",
            ),
            ("gate", {"colour": "red"}, "no option colour (given: 'red')", "it takes: width, mode, labels, threshold"),
            # Values of the wrong type, out of bounds, and outside a choice.
            ("gate", {"width": "wide"}, "width = 'wide' cannot be used", "width should be a whole number"),
            ("gate", {"width": 0}, "width = 0 cannot be used", "width should be at least 1"),
            ("gate", {"mode": "zoom"}, "mode = 'zoom' cannot be used", "mode should be 'crop' or 'stretch'"),
            ("gate", {"labels": ["a", 3]}, "labels.1 = 3 cannot be used", "labels.1 should be a text"),
            ("gate", {"shade": 3}, "shade = 3 cannot be used", "shade should be keys with values"),
            # Inside a part of the part.
            ("gate", {"shade": {"darker": 3}}, "no option shade.darker (given: 3)", "leave out shade.darker"),
            ("gate", {"shade": {"darkest": None}}, "shade.darkest = None", "shade.darkest should be a whole number"),
            # Fields that do not fit each other: a ValueError of the part, and an error of Decisight, which passes.
            ("gate", {"width": 13}, "{'width': 13} do not fit", "a crop cannot be 13 wide"),
            ("gate", {"labels": ["-"]}, "a label cannot be '-'", ""),
            # A required option, and one beside another mistake.
            ("sink", {}, "gate 'sink': url is missing", "add url"),
            ("sink", {"retries": "no"}, "url is missing; retries = 'no' cannot be used", "add url; retries should be"),
            # A function has no options; keys need not be text.
            ("plain", {"width": 3}, "gate 'plain' takes no options", "leave out: width"),
            ("gate", {3: 4}, "gate 'gate'", ""),
        ],
    )
    def test_a_configuration_that_does_not_fit(
        self, gates: Registry[object], name: str, config: dict[str, object], message: str, hint: str
    ) -> None:
        with pytest.raises(UsageError) as caught:
            gates.build(name, config)
        assert message in caught.value.message
        assert hint in (caught.value.hint or "")

    def test_an_unknown_name(self, gates: Registry[object]) -> None:
        with pytest.raises(MissingPartError, match="there is no gate 'gtae'") as caught:
            gates.build("gtae")
        assert caught.value.hint == "did you mean 'gate'? there is: gate, plain, sink"

    def test_an_unknown_name_where_there_is_none(self) -> None:
        with pytest.raises(MissingPartError) as caught:
            Registry[object]("gate").build("fog")
        assert caught.value.hint == "there is: none"

    def test_fields_that_cannot_be_checked(self, gates: Registry[object]) -> None:
        @dataclass(frozen=True)
        class Odd:
            at: NotThere = 1  # type: ignore[name-defined]  # noqa: F821 - what the test is about

        gates.register("odd")(Odd)
        assert gates.build("odd") == Odd()
        with pytest.raises(MissingPartError, match="gate 'odd' cannot be configured"):
            gates.build("odd", {"at": 2})

    def test_what_stays_at_its_defaults_does_without_pydantic(self) -> None:
        script = """
            import sys
            from dataclasses import dataclass
            from decisight.registry import Registry
            parts = Registry("gate")
            parts.register("shade")(dataclass(type("Shade", (), {})))
            parts.build("shade")
            assert "pydantic" not in sys.modules
        """
        subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)


def test_what_is_refused_is_shown_in_short() -> None:
    sinks: Registry[object] = Registry("sink")
    sinks.register("sink")(Sink)
    for config in ({"url": "x", "retries": "y" * 10_000}, {"url": ["z" * 10_000] * 9}, {"k" * 10_000: "v" * 10_000}):
        with pytest.raises(UsageError) as refused:
            sinks.build("sink", config)
        assert len(refused.value.message + str(refused.value.hint)) < 600
        assert " ..." in refused.value.message
    with pytest.raises(UsageError, match="; and 96 more"):
        sinks.build("sink", {f"option{at}": at for at in range(100)})
    with pytest.raises(MissingPartError) as missing:
        sinks.build("s" * 10_000)
    assert len(missing.value.message) < 200


class TestOptionalLibraries:
    def test_a_part_whose_library_is_missing_is_remembered(self, gates: Registry[object]) -> None:
        gates.register("net", needs="finetune", imports=["no_such_library"])(a_gate)
        assert "net" not in gates
        assert gates.missing == {"net": "needs decisight[finetune]"}
        with pytest.raises(MissingPartError, match=r"the gate 'net' needs decisight\[finetune\]") as caught:
            gates.build("net")
        assert caught.value.hint == "install it: pip install 'decisight[finetune]'"

    def test_without_an_extra_the_library_is_named(self, gates: Registry[object]) -> None:
        gates.register("net", imports=["dataclasses", "no_such_library"])(a_gate)
        assert gates.missing == {"net": "needs no_such_library"}

    def test_a_part_whose_library_is_there(self, gates: Registry[object]) -> None:
        gates.register("net", needs="finetune", imports=["json"])(a_gate)
        assert gates.build("net") == "gate"
        assert gates.missing == {}

    @pytest.mark.parametrize(
        ("needs", "expected"), [("finetune", "needs decisight[finetune]"), (None, "needs no_such_library")]
    )
    def test_a_library_that_turns_out_to_be_missing(
        self, gates: Registry[object], needs: str | None, expected: str
    ) -> None:
        def build() -> object:
            import no_such_library  # type: ignore[import-not-found]

            return no_such_library

        gates.register("net", needs=needs)(build)
        with pytest.raises(MissingPartError) as caught:
            gates.build("net")
        assert expected in caught.value.message


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs a package of somebody else: ``site("fogs", {"gate.fog": "fogs:Fog"}, "source of fogs.py")``."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(name: str, entry_points: dict[str, str], source: str = "") -> None:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{key} = {value}" for key, value in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[decisight.parts]", *lines, ""]))
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        monkeypatch.delitem(sys.modules, name, raising=False)

    return install


FOG = """
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Fog:
        density: float = 0.5
"""


class TestPartsOfOthers:
    def test_one_is_found_and_configured(self, gates: Registry[object], site: Callable[..., None]) -> None:
        site("fogs_a", {"gate.fog": "fogs_a:Fog", "policy.fog": "fogs_a:Other"}, FOG)
        assert gates.names() == ("fog", "gate", "plain", "sink")
        assert repr(gates.build("fog", {"density": 1})) == "Fog(density=1.0)"
        assert gates.broken == {}
        with pytest.raises(UsageError, match="gate 'fog': there is no option depth"):
            gates.build("fog", {"depth": 1})

    def test_its_name_is_known_without_its_code(self, gates: Registry[object], site: Callable[..., None]) -> None:
        site("fogs_b", {"gate.fog": "fogs_b:Fog"}, FOG)
        assert "fog" in gates
        assert gates.build("gate") == Gate()
        assert "fogs_b" not in sys.modules

    @pytest.mark.parametrize(
        ("source", "why"),
        [
            ("raise RuntimeError('no licence')", "cannot be imported: RuntimeError: no licence"),
            ("import no_such_library", "cannot be imported: ModuleNotFoundError: No module named 'no_such_library'"),
            ("def broken(:", "cannot be imported: SyntaxError"),
            ("", "cannot be imported: AttributeError"),
            ("Fog = 3", "is not a dataclass but 3"),
        ],
    )
    def test_a_broken_one_takes_nothing_down(
        self, gates: Registry[object], site: Callable[..., None], source: str, why: str
    ) -> None:
        site("fogs_c", {"gate.fog": "fogs_c:Fog"}, source)
        assert gates.build("gate") == Gate()
        assert list(gates.broken) == ["fog"]
        assert why in gates.broken["fog"]
        with pytest.raises(MissingPartError) as caught:
            gates.build("fog")
        assert why in caught.value.message
        assert caught.value.hint == "it comes from fogs_c: upgrade or remove that package"

    def test_decisights_own_name_cannot_be_taken(self, gates: Registry[object], site: Callable[..., None]) -> None:
        site("fogs_d", {"gate.gate": "fogs_d:Fog"}, FOG)
        assert gates.build("gate") == Gate()
        assert gates.broken == {"gate": "fogs_d offers it too, and Decisight's own is used"}

    def test_a_name_that_two_packages_offer_is_neither(
        self, gates: Registry[object], site: Callable[..., None]
    ) -> None:
        site("fogs_e", {"gate.fog": "fogs_e:Fog"}, FOG)
        site("fogs_f", {"gate.fog": "fogs_f:Fog"}, FOG)
        assert gates.broken == {"fog": "the gate 'fog' is offered by several packages: fogs_e, fogs_f"}
        with pytest.raises(MissingPartError, match="offered by several packages"):
            gates.build("fog")

    def test_what_is_offered_is_listed_with_its_kind(self, site: Callable[..., None]) -> None:
        site("fogs_g", {"gate.fog": "fogs_g:Fog", "fogless": "fogs_g", "gate.fog.thick": "fogs_g:Fog"})
        offered = [(kind, name) for kind, name, entry in foreign_parts() if entry.dist and entry.dist.name == "fogs_g"]
        assert offered == [("", "fogless"), ("gate", "fog"), ("gate", "fog.thick")]


class TestPackageOfParts:
    @pytest.fixture
    def package(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        folder = tmp_path / "gates_of_tests"
        folder.mkdir()
        (folder / "__init__.py").write_text(
            "from decisight.registry import Registry\ngates = Registry('gate', package=__name__)\n"
        )
        (folder / "fog.py").write_text(
            "from gates_of_tests import gates\n@gates.register('fog')\ndef fog():\n    return 'fog'\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))
        for module in [name for name in sys.modules if name.split(".")[0] == folder.name]:
            monkeypatch.delitem(sys.modules, module)
        return folder

    def test_adding_a_part_is_adding_a_file(self, package: Path) -> None:
        (package / "rain.py").write_text(
            "from gates_of_tests import gates\n@gates.register('rain')\ndef rain():\n    return 'rain'\n"
        )
        from gates_of_tests import gates  # type: ignore[import-not-found]

        assert "gates_of_tests.fog" not in sys.modules
        assert gates.names() == ("fog", "rain")
        assert gates.build("rain") == "rain"

    def test_a_file_whose_library_is_missing(self, package: Path) -> None:
        (package / "net.py").write_text("import no_such_library\n")
        from gates_of_tests import gates

        assert gates.names() == ("fog",)
        assert gates.missing == {"net": "needs no_such_library"}
        with pytest.raises(MissingPartError, match="the gate 'net' needs no_such_library"):
            gates.build("net")

    def test_a_mistake_of_our_own_is_not_hidden(self, package: Path) -> None:
        (package / "net.py").write_text("import gates_of_tests.no_such_module\n")
        from gates_of_tests import gates

        with pytest.raises(ModuleNotFoundError, match="no_such_module"):
            gates.names()

    @pytest.mark.parametrize("failing", ["register, then fail", "fail at once"])
    def test_a_file_that_fails_does_not_pass_for_a_whole_registry(self, package: Path, failing: str) -> None:
        register = "from gates_of_tests import gates\n@gates.register('net')\ndef net():\n    return 'net'\n"
        broken, whole = "raise RuntimeError('broken')\n", register
        (package / "net.py").write_text(register + broken if failing == "register, then fail" else broken)
        from gates_of_tests import gates

        for _ in range(2):
            with pytest.raises(RuntimeError, match="broken"):
                gates.names()
        # Another length, so that no cached byte code is taken for it.
        (package / "net.py").write_text(whole + "# mended\n")
        assert gates.names() == ("fog", "net")
