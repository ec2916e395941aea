import csv
import itertools
from collections import Counter, defaultdict
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from decisight.data.reading import read_dataset
from decisight.errors import OutputError, UsageError
from decisight.sources import rendered
from decisight.sources.rendered import (
    LAYOUTS,
    ROLE_COLOURS,
    SIZE,
    Arm,
    Camera,
    Gate,
    Light,
    Obstacle,
    Pose,
    Scene,
    Worker,
    labelled_scenes,
    random_gate,
    random_scene,
    random_worker,
    render,
    write_dataset,
)
from decisight.sources.rendered.figure import skeleton
from decisight.sources.rendered.solids import View

SMALL = (72, 96)
STILL = Camera(noise=0, vignette=0)
ROLES = tuple(ROLE_COLOURS)

seeds = st.integers(0, 2**32 - 1)
poses = st.builds(
    Pose,
    heading=st.floats(-180, 180),
    stride=st.floats(0, 1),
    phase=st.floats(0, 1),
    lean=st.floats(-5, 12),
    left=st.builds(Arm, *(st.floats(-60, 170) for _ in range(4))),
)


def worker(role: str = "operator", *, vest: bool = False, helmet: bool = False, **more: object) -> Worker:
    colour = ROLE_COLOURS[role]
    return replace(Worker(role, vest=vest, helmet=helmet, jacket=colour, trousers=colour), **more)


def at(scene: Scene, point: np.ndarray, size: tuple[int, int]) -> tuple[int, int]:
    """Row and column of a point in space."""
    x, y = View.of(scene.camera, size).project(point)
    return round(float(y)), round(float(x))


def changed(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.abs(one.astype(int) - other).max(axis=-1) > 8


class TestRender:
    def test_the_same_seed_gives_the_same_bytes(self) -> None:
        assert random_scene(5) == random_scene(5)
        assert np.array_equal(render(random_scene(5)), render(random_scene(5)))

    def test_another_seed_gives_another_picture(self) -> None:
        assert not np.array_equal(render(random_scene(5), SMALL), render(random_scene(6), SMALL))

    @pytest.mark.parametrize("size", [SIZE, (320, 384), (384, 216), (33, 47)])
    def test_a_picture_has_the_size_asked_for(self, size: tuple[int, int]) -> None:
        picture = render(random_scene(1), size)
        assert picture.shape == (size[1], size[0], 3)
        assert picture.dtype == np.uint8

    @pytest.mark.parametrize(("role", "vest", "helmet"), [*itertools.product(ROLES, (False, True), (False, True))])
    def test_every_role_in_every_gear_renders(self, role: str, vest: bool, helmet: bool) -> None:
        scene = random_scene(3, role=role, vest=vest, helmet=helmet, difficulty=0)
        assert scene.worker is not None
        assert (scene.worker.role, scene.worker.vest, scene.worker.helmet) == (role, vest, helmet)
        expected = {(True, True): "vest|helmet", (True, False): "vest", (False, True): "helmet", (False, False): "-"}
        assert scene.worker.gear == expected[vest, helmet]
        assert changed(render(scene, SMALL), render(replace(scene, worker=None), SMALL)).mean() > 0.05

    @settings(max_examples=25, deadline=None)
    @given(seed=seeds, difficulty=st.floats(0, 1))
    def test_any_seed_gives_a_picture_with_something_in_it(self, seed: int, difficulty: float) -> None:
        picture = render(random_scene(seed, difficulty=difficulty), SMALL)
        assert 4 < picture.mean() < 245
        assert picture.std() > 3

    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("opening", [0.0, 1.0])
    def test_a_door_may_be_shut_or_wide_open(self, layout: rendered.Layout, opening: float) -> None:
        scene = Scene(replace(random_gate(4, layout=layout), opening=opening), light=Light(backlight=0.5))
        assert render(scene, SMALL).std() > 3

    @pytest.mark.parametrize("size", [(0, 0), (31, 100), (100, 5000), (-5, 64)])
    def test_a_size_that_is_not_drawn_is_refused(self, size: tuple[int, int]) -> None:
        with pytest.raises(UsageError, match="is not drawn"):
            render(Scene(), size)


class TestWhatIsSeen:
    @pytest.mark.parametrize("role", ROLES)
    @pytest.mark.parametrize("seed", range(4))
    def test_the_chest_without_a_vest_has_the_colour_of_the_role(self, role: str, seed: int) -> None:
        scene = random_scene(seed, role=role, vest=False, difficulty=0)
        assert scene.worker is not None
        scene = replace(scene, pose=Pose(), light=Light(), worker=replace(scene.worker, bands=False), obstacle=None)
        picture = render(scene)
        bones = skeleton(scene.worker, scene.pose, scene.x, scene.z)
        row, column = at(scene, (bones.shoulders.mean(axis=0) + bones.hips.mean(axis=0)) / 2, SIZE)
        chest = np.median(picture[row - 12 : row + 13, column - 8 : column + 9].reshape(-1, 3), axis=0)
        # Shade apart: how much of the light is red, green and blue.
        shares = {name: np.array(c) / sum(c) for name, c in ROLE_COLOURS.items()}
        nearest = min(shares, key=lambda name: float(np.abs(chest / chest.sum() - shares[name]).sum()))
        assert nearest == role

    @pytest.mark.parametrize("heading", [0, 60, 120, 180, 270])
    def test_a_vest_is_yellow_and_leaves_sleeves_and_trousers(self, heading: float) -> None:
        scene = Scene(camera=STILL, worker=worker(), pose=Pose(heading=heading), z=3.2)
        assert scene.worker is not None
        bare, clad = (render(replace(scene, worker=replace(scene.worker, vest=on))).astype(int) for on in (False, True))
        yellow = (clad[..., 0] > clad[..., 2] + 70) & (clad[..., 1] > clad[..., 2] + 70) & changed(bare, clad)
        blue = clad[..., 2] > clad[..., 0] + 50
        assert yellow.mean() > 0.02
        assert blue.mean() > 0.02

    def test_a_hard_hat_changes_the_head_alone(self) -> None:
        scene = Scene(camera=STILL, worker=worker(), z=3.2)
        assert scene.worker is not None
        hatted = replace(scene, worker=replace(scene.worker, helmet=True))
        rows, columns = np.nonzero(changed(render(scene), render(hatted)))
        bones = skeleton(scene.worker, scene.pose, scene.x, scene.z)
        top, middle = at(scene, bones.head, SIZE)
        chin, _ = at(scene, bones.shoulders[0], SIZE)
        assert len(rows) > 100
        assert rows.max() < chin
        assert abs(columns.mean() - middle) < 4
        assert rows.min() < top

    @pytest.mark.parametrize("headwear", ["cap", "beanie"])
    def test_a_soft_hat_is_worn_only_where_there_is_no_hard_hat(self, headwear: str) -> None:
        scenes = [
            Scene(camera=STILL, worker=worker(helmet=helmet, headwear=worn), z=3.2)
            for helmet in (True, False)
            for worn in ("none", headwear)
        ]
        pictures = [render(scene) for scene in scenes]
        assert np.array_equal(pictures[0], pictures[1])
        assert changed(pictures[2], pictures[3]).sum() > 50

    @pytest.mark.parametrize("obstacle", [Obstacle("post", 0.1, 2.6, 1.6), Obstacle("barrier", 1.2, 2.6, 0.9)])
    def test_an_obstacle_hides_a_part_of_the_worker(self, obstacle: Obstacle) -> None:
        scene = Scene(camera=STILL, worker=worker(), z=3.2)
        empty, seen = render(replace(scene, worker=None)), render(scene)
        there = changed(empty, seen)
        hidden = there & changed(seen, render(replace(scene, obstacle=obstacle)))
        assert 0.01 < hidden.sum() / there.sum() < 0.5

    def test_what_is_carried_is_seen_from_the_front_and_hidden_from_behind(self) -> None:
        arms = Arm(22, 6, 80, -8)
        for heading, least, most in ((0, 0.008, 1.0), (180, 0.0, 0.008)):
            with_box = Pose(heading=heading, left=arms, right=arms, load="box")
            scene = Scene(camera=STILL, worker=worker(), pose=with_box, z=3.2)
            share = changed(render(scene), render(replace(scene, pose=replace(with_box, load="none")))).mean()
            assert least <= share <= most


class TestLightAndCamera:
    scene = Scene(camera=STILL, worker=worker(), z=3.4)

    def brightness(self, scene: Scene) -> float:
        return float(render(scene, SMALL).mean())

    def test_less_exposure_is_darker(self) -> None:
        levels = [self.brightness(replace(self.scene, light=Light(exposure=e))) for e in (-3, -2, -1, 0, 0.5)]
        assert levels == sorted(levels)
        assert levels[-1] > 3 * levels[0]

    def test_warm_light_has_more_red_than_cold_light(self) -> None:
        warm, cold = (render(replace(self.scene, light=Light(warmth=w)), SMALL).mean(axis=(0, 1)) for w in (1, -1))
        assert warm[0] / warm[2] > 1.4 * cold[0] / cold[2]

    def test_backlight_dims_the_worker_and_not_the_door(self) -> None:
        scene = replace(self.scene, gate=Gate(opening=1.0, outside=1.0, clutter=0))
        bright, glaring = (render(replace(scene, light=Light(backlight=b))).astype(float) for b in (0, 1))
        bones = skeleton(worker(), Pose(), 0, 3.4)
        row, column = at(scene, bones.hips.mean(axis=0), SIZE)
        door = at(scene, np.array([0.75, 1.5, 7.5]), SIZE)
        assert glaring[row, column].sum() < bright[row, column].sum()
        assert glaring[door].sum() > 0.95 * bright[door].sum()

    def test_defocus_takes_the_edges_away(self) -> None:
        sharpness = []
        for defocus in (0, 3, 8):
            picture = render(replace(self.scene, camera=replace(STILL, defocus=defocus))).astype(float)
            sharpness.append(np.abs(np.diff(picture, axis=1)).mean())
        assert sharpness == sorted(sharpness, reverse=True)

    def test_motion_blurs_the_worker_and_not_the_place(self) -> None:
        moving = replace(self.scene, camera=replace(STILL, motion=30))
        where = changed(render(self.scene), render(moving))
        assert where.mean() > 0.01
        assert not where[:, :40].any()

    @pytest.mark.parametrize("sigma", [2.0, 6.0])
    def test_noise_has_the_strength_asked_for(self, sigma: float) -> None:
        clean = render(self.scene).astype(float)
        noisy = render(replace(self.scene, camera=replace(STILL, noise=sigma))).astype(float)
        middle = (clean > 60) & (clean < 195)
        assert (noisy - clean)[middle].std() == pytest.approx(sigma, rel=0.06)
        assert (noisy - clean)[middle].mean() == pytest.approx(0, abs=0.1)

    def test_another_seed_of_the_camera_changes_the_noise_alone(self) -> None:
        one, other = (render(replace(self.scene, camera=Camera(seed=s, noise=2))).astype(int) for s in (0, 1))
        assert 0 < np.abs(one - other).max() < 12

    def test_compression_loses_something(self) -> None:
        packed = render(replace(self.scene, camera=replace(STILL, quality=40)))
        assert packed.shape == (SIZE[1], SIZE[0], 3)
        assert 0.5 < np.abs(packed.astype(int) - render(self.scene)).mean() < 12

    @pytest.mark.parametrize("change", [{"x": 0.004}, {"z": 3.41}, {"pose": Pose(phase=0.002, stride=1)}])
    def test_a_small_step_is_a_small_change(self, change: dict[str, object]) -> None:
        before = replace(self.scene, pose=Pose(stride=1))
        difference = np.abs(render(before).astype(int) - render(replace(before, **change)))
        assert 0 < difference.mean() < 1.5


class TestFigure:
    @settings(max_examples=60, deadline=None)
    @given(pose=poses)
    def test_bones_keep_their_length_and_the_lower_foot_the_ground(self, pose: Pose) -> None:
        at_rest, posed = (skeleton(worker(), p, 0.2, 4.0) for p in (Pose(), pose))
        for start, end in (("knees", "ankles"), ("shoulders", "elbows"), ("elbows", "wrists")):
            lengths = [
                np.linalg.norm(getattr(bones, end) - getattr(bones, start), axis=1) for bones in (at_rest, posed)
            ]
            assert lengths[1] == pytest.approx(lengths[0], rel=1e-9)
        assert posed.ankles[:, 1].min() == pytest.approx(at_rest.ankles[:, 1].min())
        assert posed.toes[:, 1].min() > 0

    def test_the_walking_cycle_is_closed(self) -> None:
        start, end = (skeleton(worker(), Pose(stride=0.8, phase=p), 0, 4) for p in (0.0, 1.0))
        assert end.ankles == pytest.approx(start.ankles)
        assert end.wrists == pytest.approx(start.wrists)

    def test_a_taller_worker_is_taller_in_the_picture(self) -> None:
        heights = []
        for tall in (1.6, 1.9):
            scene = Scene(camera=STILL, worker=worker(height=tall), z=4.5)
            rows, _ = np.nonzero(changed(render(scene), render(replace(scene, worker=None))))
            heights.append(rows.max() - rows.min())
        assert heights[1] > 1.1 * heights[0]

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"role": "director"}, "no uniform is known for the role 'director'"),
            ({"height": 0.4}, "cannot be drawn"),
            ({"build": 3.0}, "cannot be drawn"),
        ],
    )
    def test_a_worker_that_cannot_be_drawn_is_refused(self, values: dict[str, object], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            replace(worker(), **values)

    def test_values_do_not_change(self) -> None:
        with pytest.raises(FrozenInstanceError):
            worker().vest = True  # type: ignore[misc]


class TestChance:
    def test_all_is_met_with_sooner_or_later(self) -> None:
        people = [random_worker(seed) for seed in range(80)]
        assert {p.role for p in people} == set(ROLES)
        assert {p.gear for p in people} == {"-", "vest", "helmet", "vest|helmet"}
        assert {p.headwear for p in people} == {"none", "cap", "beanie"}
        assert {random_gate(seed).layout for seed in range(40)} == set(LAYOUTS)

    def test_a_generator_goes_on_from_where_it_is(self) -> None:
        rng = np.random.default_rng(1)
        assert random_scene(rng) != random_scene(rng)

    def test_a_given_worker_and_gate_are_kept(self) -> None:
        known, place = worker("visitor", vest=True), random_gate(3)
        scene = random_scene(9, worker=known, gate=place)
        assert (scene.worker, scene.gate) == (known, place)

    def test_difficulty_makes_pictures_worse(self) -> None:
        easy, hard = ([random_scene(seed, difficulty=d) for seed in range(60)] for d in (0, 1))
        for scenes, darkest in ((easy, -0.8), (hard, -3.5)):
            assert min(s.light.exposure for s in scenes) > darkest
        assert np.mean([s.camera.defocus for s in hard]) > 2 * np.mean([s.camera.defocus for s in easy])
        assert not any(s.obstacle for s in easy)
        assert any(s.obstacle for s in hard)

    @pytest.mark.parametrize("difficulty", [-0.1, 1.1, float("nan")])
    def test_a_difficulty_outside_its_range_is_refused(self, difficulty: float) -> None:
        with pytest.raises(UsageError, match="difficulty"):
            random_scene(0, difficulty=difficulty)

    def test_an_unknown_role_is_refused(self) -> None:
        with pytest.raises(UsageError, match="operator, supervisor, visitor"):
            random_scene(0, role="director")


class TestLabelledScenes:
    def test_360_pictures_are_balanced_and_a_quarter_is_for_the_test(self) -> None:
        scenes = labelled_scenes(360)
        assert len(scenes) == 360
        assert len({s.name for s in scenes}) == 360
        parts = Counter(s.split for s in scenes)
        assert parts["test"] / 360 == pytest.approx(0.25, abs=0.03)
        for split in ("train", "test"):
            for which in (
                Counter(s.role for s in scenes if s.split == split),
                Counter(s.gear for s in scenes if s.split == split),
            ):
                assert min(which.values()) > 0.7 * max(which.values())

    @pytest.mark.parametrize("pictures", [48, 51, 100, 360])
    def test_a_source_is_one_worker_in_one_split_in_three_to_five_pictures(self, pictures: int) -> None:
        by_source = defaultdict(list)
        for item in labelled_scenes(pictures, seed=2):
            by_source[item.source].append(item)
        assert sum(len(items) for items in by_source.values()) == pictures
        for items in by_source.values():
            assert 3 <= len(items) <= 5
            assert len({(i.split, i.scene.worker) for i in items}) == 1
            assert len({i.scene.camera.seed for i in items}) == len(items)

    def test_labels_say_what_the_scene_shows(self) -> None:
        for item in labelled_scenes(60):
            assert item.scene.worker is not None
            assert (item.role, item.gear) == (item.scene.worker.role, item.scene.worker.gear)

    @pytest.mark.parametrize(("pictures", "seed"), [(47, 0), (0, 0), (-3, 0), (360, -1)])
    def test_too_few_pictures_are_refused(self, pictures: int, seed: int) -> None:
        with pytest.raises(UsageError, match="at least 48"):
            labelled_scenes(pictures, seed=seed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("rendered") / "gate", pictures=48, size=SMALL)


class TestWriteDataset:
    def test_files_and_tables_agree(self, folder: Path) -> None:
        rows = []
        for split in ("train", "test"):
            with (folder / split / "metadata.csv").open(newline="", encoding="utf-8") as file:
                found = list(csv.DictReader(file))
            assert list(found[0]) == ["file_name", "role", "gear", "source"]
            assert {r["file_name"] for r in found} == {p.name for p in (folder / split).glob("*.jpg")}
            rows += found
        assert len(rows) == 48
        with Image.open(min((folder / "train").glob("*.jpg"))) as picture:
            assert picture.size == SMALL
            assert picture.format == "JPEG"

    def test_it_reads_back(self, folder: Path) -> None:
        dataset = read_dataset(folder)
        assert dataset.skipped == ()
        assert dataset.splits == ("train", "test")
        role, gear = dataset.task.group("role"), dataset.task.group("gear")
        assert role.exclusive
        assert set(role.labels) == set(ROLES)
        assert not gear.exclusive
        assert set(gear.labels) == {"vest", "helmet"}
        scenes = {f"{item.name}.jpg": item for item in labelled_scenes(48)}
        for example in dataset.examples:
            item = scenes[example.path.name]
            worn = frozenset() if item.gear == "-" else frozenset(item.gear.split("|"))
            assert dict(zip(("role", "gear"), example.targets, strict=True)) == {"role": item.role, "gear": worn}
            assert (example.split, example.source) == (item.split, item.source)
        for split in ("train", "test"):
            assert set(dataset.only(split).counts(role).values()) != {0}
            assert min(dataset.only(split).counts(gear).values()) > 0

    def test_the_same_seed_gives_the_same_files(self, folder: Path, tmp_path: Path) -> None:
        again = write_dataset(tmp_path / "again", pictures=48, size=SMALL)
        other = write_dataset(tmp_path / "other", pictures=48, size=SMALL, seed=1)

        def contents(root: Path) -> dict[str, bytes]:
            return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*.*")}

        assert contents(again) == contents(folder)
        assert contents(other) != contents(folder)

    def test_a_folder_with_something_in_it_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("mine")
        with pytest.raises(OutputError, match="not empty"):
            write_dataset(tmp_path, pictures=48, size=SMALL)
        assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]

    def test_an_interruption_leaves_nothing_half_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn = []

        def interrupted(scene: Scene, size: tuple[int, int]) -> np.ndarray:
            drawn.append(scene)
            if len(drawn) == 5:
                raise KeyboardInterrupt
            return render(scene, size)

        monkeypatch.setattr("decisight.sources.rendered.dataset.render", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_dataset(tmp_path / "gate", pictures=48, size=SMALL)
        assert list((tmp_path / "gate").iterdir()) == []

    def test_a_file_in_place_of_the_folder_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "gate").write_text("")
        with pytest.raises(OutputError, match="cannot be written"):
            write_dataset(tmp_path / "gate", pictures=48, size=SMALL)


def test_all_that_is_public_is_listed() -> None:
    assert sorted(rendered.__all__) == sorted(set(rendered.__all__))
    assert all(hasattr(rendered, name) for name in rendered.__all__)
