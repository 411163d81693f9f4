"""What a matrix product costs in another framework, or in minitf, in a process of its own: for the ladder of chapter 01."""


def multiply_add(peer, threads):
    """Nanoseconds of one multiply-add, in a product of two 512 by 512 float32 matrices with that many threads.

    peer  "numpy", "minitf", "tensorflow" or another of benchmarks.run.PEERS.
    None if no Python can import it, or if it failed (the reason is printed then).
    """
    from benchmarks.run import arguments, find_python, run_worker
    python = find_python(peer, {})
    answer = python and run_worker(peer, python, arguments(["--only", "matmul_512", "--threads", str(threads), "--budget", "0.5"]))
    return 1e9 * answer["results"]["matmul_512"]["least"] / 512 ** 3 if answer else None
