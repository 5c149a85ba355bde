"""What the file of a picture says of itself: transparency, size, damage; pixels are those that Pillow finds."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from pictures import noise
from PIL import Image, ImageOps

from attnlab.data.image.decode import decoded, with_channels
from attnlab.data.image.source import Pixels
from attnlab.errors import UserError

PIXELS = noise(9, 7, 4)
LARGE = np.kron(PIXELS[..., :3], np.ones((6, 6, 1), dtype=np.uint8))  # smooth enough for JPEG


def saved(picture: Image.Image, form: str = "PNG", **settings) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **settings)
    return stream.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, bits: int, colour: int, rows: bytes, before: bytes = b"") -> bytes:
    """A PNG of these rows, with other chunks before its pixels."""
    head = chunk(b"IHDR", struct.pack(">II", width, height) + bytes([bits, colour, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + head + before + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def read(data: bytes, colour: str = "rgb") -> Pixels:
    """(height, width, channels) as they are prepared."""
    return with_channels(
        decoded(np.frombuffer(data, dtype=np.uint8), colour, "x.png"), {"grey": 1, "rgb": 3}[colour]
    )


def palette(colours: int, **settings) -> bytes:
    return saved(Image.fromarray(PIXELS[..., :3].copy()).quantize(colours), **settings)


first = tuple(int(level) for level in PIXELS[0, 0])
TRANSPARENT: dict[str, Callable[[], bytes]] = {
    "colours and opacity": lambda: saved(Image.fromarray(PIXELS)),
    "grey and opacity": lambda: saved(Image.fromarray(PIXELS[..., :2].copy(), "LA")),
    "palette": lambda: palette(16, transparency=bytes([0, 50, 255])),
    "palette of 2 bits": lambda: palette(4, bits=2, transparency=bytes([0, 128])),
    "one grey": lambda: saved(Image.fromarray(PIXELS[..., 0].copy()), transparency=first[0]),
    "one grey of 1 bit": lambda: png(8, 1, 1, 0, b"\0\x5a", chunk(b"tRNS", b"\0\1")),
    "one colour": lambda: saved(Image.fromarray(PIXELS[..., :3].copy()), transparency=first[:3]),
    "WebP": lambda: saved(Image.fromarray(PIXELS), "WEBP", lossless=True),
}


@pytest.mark.parametrize("case", TRANSPARENT)
def test_transparent_pictures_are_laid_on_white(case: str) -> None:
    data = TRANSPARENT[case]()
    with Image.open(io.BytesIO(data)) as picture:
        shown = picture.convert("RGBA")
    assert np.array(shown)[..., 3].min() < 255
    ground = Image.new("RGBA", shown.size, "white")
    expected = np.array(Image.alpha_composite(ground, shown).convert("RGB")).astype(int)
    assert np.abs(read(data) - expected).max() <= 1
    grey = expected @ [0.299, 0.587, 0.114]
    assert np.abs(read(data, "grey")[..., 0] - grey).max() <= 2


def test_one_grey_of_few_bits_may_stand_for_transparency() -> None:
    levels = png(4, 1, 4, 0, b"\0\x1b\xe4", chunk(b"tRNS", b"\0\x0e"))  # 1, 11, 14, 4 of 15
    assert read(levels, "grey")[..., 0].tolist() == [[17, 187, 255, 68]]
    assert read(levels).tolist() == [[[17] * 3, [187] * 3, [255] * 3, [68] * 3]]
    levels = png(4, 2, 2, 0, b"\0\x1b\0\xe4", chunk(b"tRNS", b"\0\1"))  # 0, 1, 2, 3 and back
    assert read(levels, "grey")[..., 0].tolist() == [[0, 255, 170, 255], [255, 170, 255, 0]]


def test_hidden_colours_never_show() -> None:
    """Wherever nothing is drawn, programs store black, white or the last colour."""
    hidden = noise(5, 5, 4)
    hidden[..., 3] = 0
    assert (read(saved(Image.fromarray(hidden))) == 255).all()
    assert (read(saved(Image.fromarray(hidden)), "grey") == 255).all()


OPAQUE: dict[str, Callable[[], bytes]] = {
    "colours": lambda: saved(Image.fromarray(PIXELS[..., :3].copy())),
    "opacity without use": lambda: saved(Image.fromarray(PIXELS[..., :3].copy()).convert("RGBA")),
    "grey": lambda: saved(Image.fromarray(PIXELS[..., 0].copy())),
    "1 bit": lambda: saved(Image.fromarray(PIXELS[..., 0] > 99)),
    "2 bits": lambda: png(4, 2, 2, 0, b"\0\x1b\0\xe4"),
    "palette": lambda: palette(16),
    "palette of 1 bit": lambda: palette(2, bits=1),
    "palette of 2 bits": lambda: palette(4, bits=2),
    "palette of 4 bits": lambda: palette(16, bits=4, transparency=b"\xff\xff"),
}
PHOTOGRAPHS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: saved(Image.fromarray(LARGE), "JPEG"),
    "progressive": lambda: saved(Image.fromarray(LARGE), "JPEG", progressive=True),
    "grey": lambda: saved(Image.fromarray(LARGE[..., 0].copy()), "JPEG"),
    "four inks": lambda: saved(Image.fromarray(LARGE).convert("CMYK"), "JPEG"),
}


@pytest.mark.parametrize("case", OPAQUE)
def test_other_pictures_have_their_own_pixels(case: str) -> None:
    data = OPAQUE[case]()
    with Image.open(io.BytesIO(data)) as picture:
        rgb, grey = np.array(picture.convert("RGB")), np.array(picture.convert("RGB").convert("L"))
    assert np.array_equal(read(data), rgb)
    assert np.abs(read(data, "grey")[..., 0].astype(int) - grey).max() <= 1


@pytest.mark.parametrize("case", PHOTOGRAPHS)
def test_jpeg_pictures_have_the_pixels_that_other_programs_see(case: str) -> None:
    data = PHOTOGRAPHS[case]()
    with Image.open(io.BytesIO(data)) as picture:
        assert np.abs(read(data).astype(int) - np.array(picture.convert("RGB"))).max() <= 1


@pytest.mark.parametrize("turned", range(1, 9))
def test_photographs_are_turned_upright(turned: int) -> None:
    exif = Image.Exif()
    exif[0x112] = turned
    for form in ("PNG", "JPEG"):
        data = saved(Image.fromarray(LARGE), form, exif=exif)
        with Image.open(io.BytesIO(data)) as picture:
            expected = np.array(ImageOps.exif_transpose(picture))
        assert np.array_equal(read(data), expected)


@pytest.mark.parametrize("turned", range(1, 9))
def test_webp_and_photographs_with_xmp_before_exif_are_turned_upright(turned: int) -> None:
    """Where torchvision's decoder looks for no orientation (epeg#18)."""
    exif = Image.Exif()
    exif[0x112] = turned
    transparent = Image.fromarray(np.concatenate([LARGE, LARGE[..., :1]], axis=2))
    webp = {"exif": exif, "lossless": True, "exact": True}
    for picture, settings in ((Image.fromarray(LARGE), webp), (transparent, webp)):
        upright = saved(ImageOps.exif_transpose(Image.open(io.BytesIO(saved(picture, "WEBP", **settings)))))
        assert np.array_equal(read(saved(picture, "WEBP", **settings)), read(upright))
    plain = saved(Image.fromarray(LARGE), "JPEG")
    fields = {
        "<": b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x112, 3, 1, turned, 0, 0),
        ">": b"MM\0*\0\0\0\x08" + struct.pack(">HHHIIII", 1, 0x112, 4, 1, turned, 0, 0),
    }
    for body in fields.values():
        segments = [b"http://ns.adobe.com/xap/1.0/\0<x/>", b"Exif\0\0" + body]
        described = b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part for part in segments)
        changes = set[str]()
        data = np.frombuffer(plain[:2] + described + plain[2:], dtype=np.uint8)
        pixels = decoded(data, "rgb", "x.jpg", changes)
        expected = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data.tobytes()))))
        assert pixels.shape == expected.shape
        assert np.abs(pixels.astype(int) - expected).max() <= (0 if body.startswith(b"II") else 1)
        assert bool(changes) == (turned != 1), "a run of before must not go on with other pixels"


@pytest.mark.parametrize(
    "exif", [b"", b"Exif", b"MM\0*", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff\1\1"]
)
def test_damaged_exif_data_turn_nothing(exif: bytes) -> None:
    body = b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2)
    data = bytearray(saved(Image.fromarray(LARGE), "WEBP", lossless=True, icc_profile=b"none") + body)
    data[4:8] = struct.pack("<I", len(data) - 8)
    data[20] |= 8  # announces them
    assert np.array_equal(read(bytes(data)), LARGE)


@pytest.mark.parametrize("alpha", [False, True])
def test_grey_is_made_of_the_levels_whatever_a_png_says_of_their_brightness(alpha: bool) -> None:
    picture = Image.fromarray(PIXELS if alpha else PIXELS[..., :3].copy())
    plain = saved(picture)
    end_of_head = 8 + 25
    for told in (
        chunk(b"sRGB", b"\0"),
        chunk(b"gAMA", struct.pack(">I", 45455)),
        chunk(b"gAMA", struct.pack(">I", 220000)),
    ):
        data = plain[:end_of_head] + told + plain[end_of_head:]
        assert np.array_equal(read(data), read(plain))
        assert np.abs(read(data, "grey").astype(int) - read(plain, "grey")).max() <= 1
        changes = set[str]()
        for colour in ("rgb", "grey"):
            decoded(np.frombuffer(data, dtype=np.uint8), colour, "x.png", changes)
            assert bool(changes) == (colour == "grey")
    decoded(np.frombuffer(plain, dtype=np.uint8), "grey", "x.png", unchanged := set[str]())
    assert not unchanged


def refusal(data: bytes) -> str:
    with pytest.raises(UserError) as refused:
        read(data)
    return str(refused.value)


def jpeg(height: int, width: int) -> bytes:
    """The head of a JPEG of this size, and no pixels."""
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + frame + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\0" * 20 + b"\xff\xd9"


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(50_000, 50_000, 8, 2, bytes(1000)), "50,000 × 50,000"),
        (jpeg(65_500, 65_500), "65,500 × 65,500"),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\xff\0" * 2, "65,536 × 65,536"),
    ],
)
def test_a_picture_too_large_for_memory_is_refused_by_its_head(data: bytes, size: str) -> None:
    assert f"x.png: a picture of {size} pixels, more than 100,000,000; save it smaller" in refusal(data)


def test_a_picture_of_many_scans_is_refused_by_their_number() -> None:
    data = jpeg(8_000, 8_000)
    assert "in 5,000 scans" in refusal(data[:-2] + b"\xff\xda\0\2" * 4_999 + data[-2:])


@pytest.mark.parametrize("bits", [0, 2, 4, 6])
def test_pictures_of_16_bits_are_refused_with_or_without_opacity(bits: int) -> None:
    rows = bytes(1 + 2 * {0: 1, 2: 3, 4: 2, 6: 4}[bits])
    assert "a picture of 16 bits to a channel; save it with 8" in refusal(png(1, 1, 16, bits, rows))


def test_an_animation_is_refused_and_a_still_of_one_frame_is_not() -> None:
    moving = [Image.fromarray(noise(5, 5, 3, seed=i)) for i in range(3)]
    data = saved(moving[0], save_all=True, append_images=moving[1:])
    assert "3 pictures that follow each other (an animation); save the one you want" in refusal(data)
    assert np.array_equal(read(saved(moving[0], save_all=True)), np.array(moving[0]))


PLAIN = OPAQUE["colours"]()
DAMAGED = {
    "cut within its last chunk": (PLAIN[:-1], "it ends before its last chunk; truncated"),
    "cut before its last chunk": (PLAIN[:-12], "it ends before its last chunk; truncated"),
    "cut within its pixels": (PLAIN[:-60], "it ends before its last chunk; truncated"),
    "cut within its head": (PLAIN[:20], "it ends before its last chunk; truncated"),
    "pixels changed": (PLAIN[:60] + b"!" + PLAIN[61:], "the checksum of its chunk 'IDAT' is wrong; damaged"),
    "too few rows": (png(4, 4, 8, 0, b"\0abcd" * 3), "not a readable PNG or JPEG picture"),
    "photograph cut": (PHOTOGRAPHS["plain"]()[:-300], "Image is incomplete or truncated"),
    "photograph without its end": (PHOTOGRAPHS["plain"]()[:-2], "Image is incomplete or truncated"),
    "photograph cut within its head": (PHOTOGRAPHS["plain"]()[:100], "it ends too early; truncated"),
    "GIF": (saved(Image.fromarray(PIXELS), "GIF"), "(a GIF; save it as PNG)"),
    "text": (b"no picture at all", "it begins like neither"),
    "empty": (b"", "the file is empty"),
    "zeros": (bytes(500), "all its bytes are 0"),
    "BMP": (saved(Image.fromarray(PIXELS), "BMP"), "(it is a BMP)"),
    "TIFF": (saved(Image.fromarray(PIXELS), "TIFF"), "(it is a TIFF)"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "(it is a HEIC)"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "with `git lfs pull`"),
    "web page": (b"\xef\xbb\xbf\r\n<!DOCTYPE html><html>", "it is a web page"),
    "text like a BMP": (b"BM25 ranks documents", "it begins like neither"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_picture_is_refused_in_one_sentence(case: str, capfd) -> None:
    data, sentence = DAMAGED[case]
    assert sentence in refusal(data)
    assert capfd.readouterr() == ("", ""), "libraries write nothing beside it"


def test_a_photograph_whose_rest_would_be_made_up_is_refused(capfd) -> None:
    whole = PHOTOGRAPHS["plain"]()
    refused = 0
    for i in range(700, len(whole) - 2, 40):  # within the pixels
        try:
            read(whole[:i] + bytes([whole[i] ^ 0x55]) + whole[i + 1 :])
        except UserError as error:
            refused += "a damaged picture (Corrupt JPEG data" in str(error)
    assert refused > 3 and capfd.readouterr() == ("", "")


def test_harmless_remarks_of_libraries_are_not_shown(capfd) -> None:
    data = saved(Image.fromarray(PIXELS[..., :3].copy()), icc_profile=b"none")
    assert np.array_equal(read(data), PIXELS[..., :3]) and capfd.readouterr() == ("", "")
    assert np.array_equal(read(data + b"more behind its end"), PIXELS[..., :3])
