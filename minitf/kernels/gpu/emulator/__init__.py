"""CUDA C on the CPU: the same .cu files that nvcc compiles for a GPU, compiled by the C++ compiler and checked for what a GPU would not tell."""
