// A step along a vector, by a grid of any size (3 points)
//
// In the chapter there is a thread for each element, and a guard for the threads that have none.  What if there are more elements than
// threads? A grid must not be larger than the machine allows, and the package prefers grids of a few thousand threads anyway.  So a thread
// takes one element, then the one that lies a whole grid further, and so on until the vector ends.
//
//     y[i] = y[i] - a[0] * x[i]        for each i below n
//
// y and x have n elements.  a is one float in the GPU's memory, so an address too.  The grid is a line of any number of blocks, and a block
// a line of any number of threads: more threads than elements, or fewer.  No element is done twice.  In each turn neighbouring threads read
// and write neighbouring elements: what a warp moves is counted.
//
//     y 10 20 30 40 50, x 1 2 3 4 5, a 2, one block of 2 threads
//     thread 0 does elements 0, 2 and 4, thread 1 does 1 and 3; y becomes 8 16 24 32 40
//
// The BLAS calls y + a * x saxpy.  With the minus it is gradient descent: y the weights, x their gradient, a the learning rate.
//
// Replaces gradient_descent_f32 of minitf/kernels/gpu/gradient_descent.cu.     make grade CH=07

extern "C" __global__ void saxpy(float *y, const float *a, const float *x, int n) {
    // ### BEGIN SOLUTION
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += threads) y[i] -= a[0] * x[i];
    // ### END SOLUTION
}
