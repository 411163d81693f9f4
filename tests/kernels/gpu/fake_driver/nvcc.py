"""Stands in for nvcc where there is no GPU: compiles a .cu for the emulator, and writes a "cubin" that the fake driver can load.

    nvcc --cubin -arch=sm_75 -I FOLDER -o OUT.cubin FILE.cu         other flags are taken and mean nothing
"""
import hashlib
import sys
from pathlib import Path

if "--version" in sys.argv:
    # Another emulator is another compiler.
    files = sorted((Path(__file__).resolve().parents[4] / "minitf" / "kernels" / "gpu" / "emulator").iterdir())
    print("nvcc of the fake driver,", hashlib.sha256(b"\0".join(f.read_bytes() for f in files if f.is_file())).hexdigest())
    sys.exit()

from minitf.kernels.gpu.emulator import module

try:
    library = module.build(next(a for a in sys.argv[1:] if a.endswith(".cu")))
except module.CompileError as e:
    print(e, file=sys.stderr)
    sys.exit(2)
Path(sys.argv[sys.argv.index("-o") + 1]).write_bytes(b"fake cubin: " + str(library.path).encode() + b"\0")
