"""Mistakes that were seen in kernels of students and of real libraries."""
from minitf.course.mutants import Mutant

MUTANTS = [
    Mutant("saxpy", "a thread's first element is not guarded", "i < n; i += threads", "i < n || i < threads; i += threads", loses=["few"]),
    Mutant("saxpy", "a thread for each element, and no more", "i += threads) y", "i = n) y", loses=["many", "coalesced"]),
    Mutant("saxpy", "every thread has a stretch of its own", """for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += threads) y""",
           """unsigned own = (n + threads - 1) / threads, begin = (blockIdx.x * blockDim.x + threadIdx.x) * own;
    for (unsigned i = begin; i < begin + own && i < n; i++) y""", loses=["coalesced"]),
    Mutant("saxpy", "goes on by the size of a block", "gridDim.x * blockDim.x", "blockDim.x", loses=["each", "few", "many", "coalesced"]),
    Mutant("saxpy", "adds", "y[i] -= ", "y[i] += ", loses=["each", "few", "many"]),
    Mutant("transpose", "no barrier between writing the tile and reading it", "    __syncthreads();\n", "", loses=["whole", "ragged"]),
    Mutant("transpose", "rows of the tile begin in the same bank", "tile[32][33]", "tile[32][32]", loses=["banks"]),
    Mutant("transpose", "the same guard for reading and for writing", "left + k < columns && top + lane < rows", "top + k < rows && left + lane < columns", loses=["ragged"]),
    Mutant("transpose", "sides exchanged in y", "y[(left + k) * rows + top + lane]", "y[(left + k) * columns + top + lane]", loses=["whole", "ragged", "coalesced", "banks"]),
    Mutant("transpose", "the tile is turned when it is written, and y by columns", "y[(left + k) * rows + top + lane] = tile[lane][k]",
           "y[(left + lane) * rows + top + k] = tile[k][lane]", loses=["ragged", "coalesced"]),
]
