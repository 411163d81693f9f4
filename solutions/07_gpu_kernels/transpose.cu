// A matrix transposed, without a detour of the memory (4 points)
//
// The chapter turns pictures whose sides are multiples of 32, by blocks of 32 x 32 threads.  Here a matrix has any number of rows and
// columns, and a block of 32 x 8 threads has a tile of 32 x 32 elements: each thread moves up to four.
//
//     y[c * rows + r] = x[r * columns + c]        for each row r and column c of x
//
// x is [rows, columns] and y is [columns, rows], both row after row.  Blocks have threadIdx.x from 0 to 31 and threadIdx.y from 0 to 7.
// The grid has a block for each tile of x: blockIdx.x counts the tiles from left to right, blockIdx.y from top to bottom, and those at the
// edges may stick out.  A warp reads a piece of a row of x, and writes a piece of a row of y.  The tile in between lies in shared memory,
// so arranged that no access of a warp takes more than one turn of the banks.
//
//     x 1 2 3        y 1 4
//       4 5 6          2 5
//                      3 6
//
// Replaces nothing: the package transposes any axes of an array, by this and a table of distances.     make grade CH=07

extern "C" __global__ void transpose(const float *x, float *y, int rows, int columns) {
    // ### BEGIN SOLUTION
    __shared__ float tile[32][33];
    int left = blockIdx.x * 32, top = blockIdx.y * 32, lane = threadIdx.x;
    for (int k = threadIdx.y; k < 32; k += 8)
        if (top + k < rows && left + lane < columns) tile[k][lane] = x[(top + k) * columns + left + lane];
    __syncthreads();
    for (int k = threadIdx.y; k < 32; k += 8)
        if (left + k < columns && top + lane < rows) y[(left + k) * rows + top + lane] = tile[lane][k];
    // ### END SOLUTION
}
