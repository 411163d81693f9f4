"""minitf beside TensorFlow, PyTorch, JAX and NumPy on the same work, in one run: `make bench`, or `python -m benchmarks.run --help`.

    data.py        the inputs and initial weights of every workload, the same for all
    workloads.py   the workloads in TensorFlow 1.x style; minitf and TensorFlow run these same lines
    peers/         one file a framework: {workload: set-up function}
    timing.py      how one workload is timed
    worker.py      one framework in one process: prints its figures as JSON
    run.py         starts the workers by turns, compares what they computed, prints the tables

A step is one synchronous Python call: it hands over NumPy arrays where the workload feeds any, and returns when the work is
done, with the loss (or result) where the workload has one.  Set-up, compilation and first runs are never timed.
"""
