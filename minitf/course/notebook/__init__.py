"""Notebooks: from percent scripts to executed notebooks that are the same to the byte.  `python -m minitf.course.notebook` has the commands."""
