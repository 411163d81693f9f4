"""CUDA C on the CPU: the same .cu files that nvcc compiles for a GPU, compiled by the C++ compiler, and watched if asked.

    source_module.py   SourceModule: kernels on NumPy arrays, for exercises and notebooks
    module.py          a .cu file as a library of this process: what the engine launches from
    compiler.py        the compiler and the cache of what it has made
    scan.py            which kernels a file has, and how each can be run
    cuda_emulator.h    the words of CUDA in C++, and the other headers that make them
    checker.cpp        what is called before each access to memory: races, bounds, reads of what nobody has written, counts of transactions

What is not there: textures, half precision, tensor cores, cooperative groups, dynamic parallelism, memory that a kernel allocates,
pointers within the device's memory.  Warp functions are for full warps: masks are not looked at.  Static and dynamic shared memory of
more than 48 KiB together are not refused here; nvcc and the driver do that.  It is written for Linux and macOS on x86-64 and arm64; the
checker for Linux.
"""
