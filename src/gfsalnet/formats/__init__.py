"""One door for each foreign format: the only places where such files are opened.

Every door takes the kind of error that its caller speaks in and a remedy, holds what a file claims against `limits`
before it is unpacked, and turns whatever a library raises at damaged bytes into one line. None executes anything.

| door | opens |
|---|---|
| `arrays` | `.npy`, `.npz` |
| `hdf5` | HDF5 |
| `mat` | MATLAB files, v5 to v7.3 |
| `parquet` | Parquet |
| `tensors` | `.safetensors`, PyTorch |
| `texts` | JSON, TOML, and text for tables |

Pictures and video have theirs in `gfsalnet.video`.
"""
