// The largest number of each row, by a block of any size (4 points)
//
// The chapter's tree adds up 256 numbers with 256 threads.  Here a block takes a row of n numbers, and has as many threads as whoever
// launches it likes: 1, 100, 1024.
//
//     out[r] = the largest of x[r * n], x[r * n + 1], ..., x[r * n + n - 1]        for each row r
//
// x is [rows, n], row after row.  A block takes a row, then the one that lies a whole grid further, as long as there is one: there may be
// more blocks than rows, or fewer.  The threads of a block share the row: thread t begins with elements t, t + blockDim.x, ..., so that
// neighbours read neighbours, and every element is read once from global memory.  Then the threads bring their largest numbers together in
// shared memory.  A block is a line of 1 to 1024 threads, not always a power of two nor a multiple of 32.
//
// If a row has a NaN, its largest is NaN.  A row of no numbers (n is 0) gives -infinity, which is written -INFINITY.
//
//     x 3 1 2 8 5        blocks of 3 threads: they begin with 8, 5 and 2 in the first row (thread 0 has 3 and 8), and out is 8
//       0 -1 -2 -3 -4    and 0
//
// Replaces max_rows_f32 of minitf/kernels/gpu/reduce_max.cu, for rows of up to 2048 numbers.     make grade CH=07

// The larger of two; NaN if one is.
__device__ float larger(float a, float b) {
    // ### BEGIN SOLUTION
    if (a != a) return a;
    return b > a || b != b ? b : a;
    // ### END SOLUTION
}

extern "C" __global__ void row_max(const float *x, float *out, int rows, int n) {
    // ### BEGIN SOLUTION
    __shared__ float of_thread[1024];
    int t = threadIdx.x;
    for (int row = blockIdx.x; row < rows; row += gridDim.x) {
        float top = -INFINITY;
        for (int i = t; i < n; i += blockDim.x) top = larger(top, x[row * n + i]);
        of_thread[t] = top;
        __syncthreads();
        for (int left = blockDim.x; left > 1;) {
            int kept = (left + 1) / 2;
            if (t + kept < left) of_thread[t] = larger(of_thread[t], of_thread[t + kept]);
            __syncthreads();
            left = kept;
        }
        if (t == 0) out[row] = of_thread[0];
    }
    // ### END SOLUTION
}
