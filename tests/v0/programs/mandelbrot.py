"""The Mandelbrot set by complex variables and an interactive session, as the tutorials of 2015 did it."""
import numpy as np

import minitf.v0 as tf

sess = tf.InteractiveSession()
Y, X = np.mgrid[-1.3:1.3:0.02, -2:1:0.02]
Z = X + 1j * Y
xs = tf.constant(Z.astype("complex64"))
zs = tf.Variable(xs)
ns = tf.Variable(tf.zeros_like(xs, "float32"))
tf.initialize_all_variables().run()

zs_ = zs * zs + xs
not_diverged = tf.complex_abs(zs_) < 4
step = tf.group(zs.assign(tf.select(not_diverged, zs_, zs)), ns.assign_add(tf.cast(not_diverged, "float32")))
for i in range(50):
    step.run()
counts = ns.eval()

z, n = Z.astype(np.complex64), np.zeros(Z.shape, np.float32)
for i in range(50):
    z_ = z * z + Z.astype(np.complex64)
    ok = np.abs(z_) < 4
    z, n = np.where(ok, z_, z), n + ok
print("share that agrees with NumPy:", (counts == n).mean(), "inside:", (counts == 50).mean())
