"""`python -m minitf.datasets` fetches what the tests and the demo need, so that neither does so itself."""
import sys

from . import DataError, data_folder, mnist, shakespeare

try:
    digits = mnist()
    plays = shakespeare.texts()
except DataError as e:
    sys.exit(str(e))
print(f"MNIST: {', '.join(f'{part.num_examples:,} {name}' for name, part in zip(digits._fields, digits))} digits in {data_folder() / 'mnist'}")
print(f"Shakespeare: {', '.join(f'{len(part):,} {name}' for name, part in zip(plays._fields, plays))} characters in {data_folder() / 'shakespeare'}")
