"""Grading: a check here, a reader's code in a process of its own, and plain data between them.

grade.py        points for a file, property by property
process.py      the grader's side of a submission's process; forkserver.py makes it, child.py is what runs in it
sandbox.py      what such a process may do; cython_rules.py and cuda_rules.py, what an exercise in Cython or in CUDA C may say
channel.py      the data between the two
classroom.py    a folder of submissions, a row a student
"""
