"""`python -m minitf.datasets` fetches what the tests and the demo need, so that neither does so itself."""
import sys

from . import DataError, data_folder, mnist

try:
    digits = mnist()
except DataError as e:
    sys.exit(str(e))
print(f"MNIST: {', '.join(f'{part.num_examples:,} {name}' for name, part in zip(digits._fields, digits))} digits in {data_folder() / 'mnist'}")
