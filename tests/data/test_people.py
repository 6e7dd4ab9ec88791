"""A user's own people: an image, its map and its sentence stay together, and what is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from espalier.data.errors import InputError
from espalier.data.images import map_to_square, to_square
from espalier.data.prepare import prepare
from espalier.data.sources.people import PeopleSource
from espalier.data.store import Store
from espalier.stages.config.sections import source_config

COLOURS = np.array(
    [[250, 250, 250], [40, 20, 10], [230, 180, 150], [200, 0, 0], [0, 0, 200], [0, 150, 0], [220, 200, 0]], np.uint8
)
"""Of each class the colour that the images here have there."""


def quiet(done: int, total: int) -> None:
    """No progress."""


def people(root: Path, **options: object) -> PeopleSource:
    return PeopleSource.model_validate({"source": "people", "root": root, "resolution": 16, **options})


def classes_of(width: int, height: int) -> NDArray[np.uint8]:
    """A map whose left, right, top and bottom differ: blocks of 1 to 6, and a stripe of background."""
    x, y = np.meshgrid(np.arange(width) * 3 // width, np.arange(height) * 2 // height)
    classes = (1 + x + 3 * y).astype(np.uint8)
    classes[:, width // 2 - 1 : width // 2 + 3] = 0
    return classes


def write_person(root: Path, name: str, classes: NDArray[np.uint8], mode: str = "P") -> None:
    """An image in the classes' colours, and its map."""
    for folder in ("images", "maps"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    Image.fromarray(COLOURS[classes]).save(root / "images" / name, **({"quality": 100} if name[-3:] == "jpg" else {}))
    drawn = Image.fromarray(classes)
    if mode == "P":
        drawn.putpalette(COLOURS.ravel().tolist())
    drawn.convert(mode).save(root / "maps" / f"{Path(name).stem}.png")


def write_captions(root: Path, *lines: str) -> None:
    (root / "captions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three people: landscape with a palette map, portrait with a grey map, square."""
    root = tmp_path / "mine"
    write_person(root, "a.png", classes_of(96, 64))
    write_person(root, "b.jpg", classes_of(40, 70), "L")
    write_person(root, "c.png", classes_of(32, 32))
    write_captions(
        root,
        "file,sentence,colour,sleeve",
        'a.png,"a lady in a red dress, long",red,long',
        "b.jpg,a man in a blue shirt,blue,short",
        "",
        "c.png, somebody in green ,green,",
    )
    return root


def test_a_store_of_people_holds_images_maps_and_records(three: Path, tmp_path: Path) -> None:
    source = source_config({"datasets": {"three": {"source": "people", "root": three, "resolution": 16}}}, "three")
    assert prepare(source, tmp_path / "store", quiet, workers=1) == []
    store = Store(tmp_path / "store")
    assert store.records() == [
        {
            "file": "a.png",
            "sentence": "a lady in a red dress, long",
            "attributes": {"colour": "red", "sleeve": "long"},
        },
        {"file": "b.jpg", "sentence": "a man in a blue shirt", "attributes": {"colour": "blue", "sleeve": "short"}},
        {"file": "c.png", "sentence": "somebody in green", "attributes": {"colour": "green", "sleeve": ""}},
    ]
    assert store.codes() is None and store.manifest.channels == 3
    assert {"maps-16.npy", "images-16.npy"} <= set(store.manifest.digests)
    shown = COLOURS[store.maps(16)].astype(int)
    alike = np.abs(store.images(16).astype(int) - shown).max(axis=-1) < 40
    assert alike.mean() > 0.75, "but where classes meet, an image has their map's colours"


@pytest.mark.parametrize("size", [(96, 64), (64, 96), (65, 41), (41, 66), (32, 32), (28, 28), (9, 12)])
@pytest.mark.parametrize("resolution", [8, 16, 32])
@pytest.mark.parametrize("corner", [(0, 0), (0, -1), (-1, 0), (-1, -1)])
def test_a_marked_corner_lands_at_the_same_place_in_both(
    size: tuple[int, int], resolution: int, corner: tuple[int, int]
) -> None:
    width, height = size
    side = min(size)
    classes = np.zeros((height, width), np.uint8)
    top, left = (height - side) // 2, (width - side) // 2
    square = classes[top : top + side, left : left + side]
    third = side // 3
    rows, columns = (slice(0, third) if end == 0 else slice(side - third, side) for end in corner)
    square[rows, columns] = 1
    found = map_to_square(classes, resolution)
    image = to_square(Image.fromarray(classes * 255), resolution, 1)[..., 0]
    assert (found == 1).any() and (found[corner] == 1 or size == (28, 28)), "28x28 gets a border"
    apart = (found == 1) != (image > 127)
    assert apart.sum() <= 2 * resolution / 3 + 1, "not more than the two inner edges"


def test_a_map_is_turned_as_its_image_is(tmp_path: Path) -> None:
    classes = classes_of(96, 64)
    write_person(tmp_path, "a.png", classes)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90 degrees clockwise to see it upright
    Image.fromarray(COLOURS[np.rot90(classes)]).save(tmp_path / "images/a.png", exif=exif)
    write_captions(tmp_path, "file,sentence", "a.png,a lady")
    source = people(tmp_path)
    image = source.example(source.listing(), 0)
    np.testing.assert_array_equal(image.map, map_to_square(classes, 16))
    np.testing.assert_array_equal(image.image, to_square(Image.fromarray(COLOURS[classes]), 16, 3))


def test_the_held_out_images_stay_when_others_come(three: Path) -> None:
    for i in range(60):
        shutil.copy(three / "images/c.png", three / f"images/p{i}.png")
        shutil.copy(three / "maps/c.png", three / f"maps/p{i}.png")
    captions = (three / "captions.csv").read_text()
    lines = [f"p{i}.png,someone,red,long" for i in range(60)]
    write_captions(three, captions.strip(), *lines)

    def names(**options: object) -> set[str]:
        return set(people(three, held_out=0.3, **options).listing().names)

    train, test = names(split="train"), names(split="test")
    assert train | test == names() and not train & test and 8 < len(test) < 32
    (three / "images/p0.png").unlink()
    (three / "maps/p0.png").unlink()
    write_captions(three, captions.strip(), *lines[1:])
    assert names(split="test") == test - {"p0.png"} and names(split="train") == train - {"p0.png"}


def test_a_mark_of_a_spreadsheet_and_other_files_do_no_harm(three: Path) -> None:
    captions = (three / "captions.csv").read_text()
    (three / "captions.csv").write_text(captions.replace("\n", "\r\n"), encoding="utf-8-sig", newline="")
    (three / "images/notes.txt").write_text("x")
    listing = people(three).listing()
    assert listing.notes == ["left out 1 files that are no images (1 x .txt)"]
    assert people(three).example(listing, 1).record == {
        "file": "b.jpg",
        "sentence": "a man in a blue shirt",
        "attributes": {"colour": "blue", "sleeve": "short"},
    }


def remove(path: str) -> Callable[[Path], None]:
    return lambda root: (root / path).unlink()


def replaced(old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = (root / "captions.csv").read_text()
        assert old in text
        (root / "captions.csv").write_text(text.replace(old, new))

    return change


def redrawn(change: Callable[[Image.Image], Image.Image]) -> Callable[[Path], None]:
    def harm(root: Path) -> None:
        with Image.open(root / "maps/a.png") as image:
            change(image).save(root / "maps/a.png")

    return harm


def marked(image: Image.Image) -> Image.Image:
    values = np.array(image)
    values[3, 5], values[4, 7] = 9, 200
    return Image.fromarray(values)


LISTING = [
    (remove("maps/b.png"), r"1 of 3 images in .*images have no map: b\.jpg; expected .*maps/b\.png for the"),
    (remove("captions.csv"), r"there is no .*captions\.csv; expected a CSV file with the columns file,sentence"),
    (
        replaced("file,sentence", "file,text"),
        r"no column sentence: its first line is 'file,text,colour,sleeve'; expected",
    ),
    (replaced("b.jpg,a man in a blue shirt,blue,short\n", ""), r"no line for 1 of 3 images: b\.jpg; expected"),
    (replaced("b.jpg,", "b.png,"), r"no line for 1 of 3 images: b\.jpg"),
    (replaced("\n\n", "\nd.png,a child,red,long\n"), r"names files that are no images in .*: d\.png; expected"),
    (replaced("a man in a blue shirt", " "), r"an empty sentence in line 3 \(b\.jpg\); describe the image"),
    (replaced("a blue shirt", "a blue, shirt"), r"5 values in line 3, and 4 columns; .* must be in quotes"),
    (replaced("\n\n", "\na.png,again,red,long\n"), r"names a\.png again in line 4"),
    (lambda root: (root / "captions.csv").write_bytes(b"file,sentence\nx,\xff\n"), r"cannot be read .* saved as UTF-8"),
    (lambda root: (root / "captions.csv").write_bytes(b""), r"no column file and no column sentence"),
    (lambda root: shutil.copy(root / "images/a.png", root / "images/a.bmp"), r"2 images .* share the map a\.png"),
    (lambda root: shutil.rmtree(root / "images"), r"no folder .*images; expected images/, maps/ and captions"),
]


@pytest.mark.parametrize(("harm", "complaint"), LISTING, ids=[complaint[:25] for _, complaint in LISTING])
def test_what_cannot_be_used_is_named_before_any_image_is_read(
    three: Path, harm: Callable[[Path], object], complaint: str
) -> None:
    harm(three)
    with pytest.raises(InputError, match=complaint):
        people(three).listing()


MAPS = [
    (redrawn(lambda image: image.resize((48, 32))), r"a\.png: its map .* is 48x32, the image 96x64; expected"),
    (redrawn(marked), r"map .*maps/a\.png has pixels of 9, 200, the first in row 3, column 5 .* 1 hair and hat"),
    (redrawn(lambda image: image.convert("RGB")), r"maps/a\.png is saved as RGB, not as classes; expected a pal"),
    (lambda root: (root / "maps/a.png").write_bytes(b"x"), r"maps/a\.png cannot be read \(UnidentifiedImageError"),
    (lambda root: (root / "images/a.png").write_bytes(b"x"), r"a\.png: UnidentifiedImageError"),
]


@pytest.mark.parametrize(("harm", "complaint"), MAPS, ids=[complaint[:25] for _, complaint in MAPS])
def test_a_map_that_is_none_is_refused_or_left_out(
    three: Path, tmp_path: Path, harm: Callable[[Path], object], complaint: str
) -> None:
    harm(three)
    with pytest.raises(InputError, match=rf"1 of 3 images in .* are damaged(.*\n)*.*{complaint}"):
        prepare(people(three), tmp_path / "store", quiet, workers=1)
    notes = prepare(people(three, damaged=0.4), tmp_path / "store", quiet, workers=1)
    store = Store(tmp_path / "store")
    assert "a.png" in notes[0] and [record["file"] for record in store.records()] == ["b.jpg", "c.png"]
    np.testing.assert_array_equal(store.maps(16)[1], map_to_square(classes_of(32, 32), 16))


def test_an_empty_part_says_so(three: Path) -> None:
    with pytest.raises(InputError, match=r"none of the 3 images .* 'split: test' with held_out 0; change"):
        people(three, split="test", held_out=0).listing()
