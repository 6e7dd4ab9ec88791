"""Read variables from MATLAB .mat files (in MATLAB's axis order) and HDF5 files (in their own), with readable errors.

MATLAB 7.3 writes .mat files as HDF5, with all axes reversed; earlier versions use a different format.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from espalier.data.errors import InputError


def _is_there(path: Path, where_from: str) -> None:
    if not path.is_file():
        raise InputError(f"there is no {path}; {where_from}")


def _unreadable(path: Path, error: Exception, where_from: str) -> InputError:
    return InputError(f"{path} cannot be read ({type(error).__name__}: {error}); {where_from}")


def _lacks(path: Path, name: str, keys: list[str], where_from: str) -> InputError:
    there = ", ".join(sorted(key for key in keys if key != "#refs#"))
    return InputError(f"{path} has no variable '{name}' (it has {there or 'none'}); {where_from}")


def h5_file(path: Path, names: tuple[str, ...], where_from: str) -> Any:
    """Open an HDF5 file for reading and check that it holds all of `names`.

    Raises:
        InputError: the file is missing, is not HDF5, or lacks a name; `where_from` ends the message.
    """
    import h5py

    _is_there(path, where_from)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise _unreadable(path, error, where_from) from error
    for name in names:
        if not isinstance(file.get(name), h5py.Dataset):
            raise _lacks(path, name, list(file), where_from)
    return file


def mat_variable(path: Path, name: str, where_from: str) -> NDArray[Any]:
    """Read a numeric or cell variable from a .mat file of any version, in MATLAB's axis order; text cells become str.

    Raises:
        InputError: the file or the variable is missing or unreadable; `where_from` ends the message.
    """
    import h5py

    _is_there(path, where_from)
    return _of_7_3(path, name, where_from) if h5py.is_hdf5(path) else _of_older(path, name, where_from)


def _of_older(path: Path, name: str, where_from: str) -> NDArray[Any]:
    from scipy.io import loadmat, whosmat

    try:
        found = loadmat(path, variable_names=[name])
        if name not in found:
            raise _lacks(path, name, [key for key, _, _ in whosmat(path)], where_from)
    except InputError:
        raise
    # On a damaged file its reader raises almost any exception.
    except Exception as error:
        raise _unreadable(path, error, where_from) from error
    values: NDArray[Any] = found[name]
    if values.dtype != object:
        return values
    return _cells([_text(cell) for cell in values.ravel()], values.shape)


def _text(cell: Any) -> Any:
    """Join a cell's characters into one str; return numbers unchanged."""
    array = np.asarray(cell)
    return "".join(array.ravel().tolist()) if array.dtype.kind == "U" else array


def _of_7_3(path: Path, name: str, where_from: str) -> NDArray[Any]:
    import h5py

    with h5_file(path, (name,), where_from) as file:
        values = np.asarray(file[name][()]).T
        if h5py.check_ref_dtype(file[name].dtype) is None:
            return values
        cells = [file[reference] for reference in values.ravel()]
        return _cells([_text_7_3(cell) for cell in cells], values.shape)


def _text_7_3(cell: Any) -> Any:
    """The same for MATLAB 7.3, which stores characters as numbers and, for an empty text, its size."""
    if cell.attrs.get("MATLAB_class") != b"char":
        return cell[()].T
    return "" if cell.attrs.get("MATLAB_empty", 0) else "".join(map(chr, cell[()].ravel()))


def _cells(values: list[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    cells = np.empty(len(values), dtype=object)
    cells[:] = values
    return cells.reshape(shape)
