"""Training: optimizers."""
from .adam import AdamOptimizer
from .gradient_descent import GradientDescentOptimizer
from .optimizer import Optimizer
