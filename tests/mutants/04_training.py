"""Wrong solutions of the exercises of chapter 04."""
from minitf.course.mutants import Mutant

# What stands in the solution of aside, and two ways to put it wrongly together.
TRY = '''        file = open(temporary, "xb")
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise
'''
OPEN_INSIDE = TRY.replace('        file = open(temporary, "xb")\n', "").replace("with file:", 'with open(temporary, "xb") as file:')
OPEN_INSIDE = OPEN_INSIDE.replace("            if os.path.exists(temporary):\n                os.unlink", "            os.unlink")
RENAME_LAST = TRY.replace("            os.replace(temporary, path)\n", "") + "        os.replace(temporary, path)\n"

MUTANTS = [
    Mutant("staircase", "rounds to the nearest period: the drop comes half a period early", "tf.floor(quotient)", "tf.round(quotient)",
           loses=["stairs"]),
    Mutant("staircase", "the staircase, whether asked for or not", "if staircase:", "if True:", loses=["smooth"]),
    Mutant("staircase", "multiplies by the rate of decay in place of raising it to a power", "decay_rate ** quotient",
           "decay_rate * quotient", loses=["smooth", "stairs", "in_use"]),
    Mutant("staircase", "leaves its name to chance, so that nobody finds it in the graph", ", name=scope)", ")", loses=["in_use"]),

    Mutant("fans", "the places of a filter count for the inputs only", "count * int(shape[-1]))", "int(shape[-1]))", loses=["filters"]),
    Mutant("fans", "inputs and outputs exchanged, as for PyTorch's [outputs, inputs]", "(count * int(shape[-2]), count * int(shape[-1]))",
           "(count * int(shape[-1]), count * int(shape[-2]))", loses=["matrices", "filters"]),
    Mutant("fans", "the height of a filter only", "for dim in shape[:-2] if", "for dim in shape[:-2][:1] if", loses=["filters"]),
    Mutant("fans", "biases have one input", "else (count, count)", "else (1.0, count)", loses=["vectors"]),

    Mutant("clip", "scales small gradients up as well", "tf.maximum(norm, clip_norm)", "norm", loses=["one_factor"]),
    Mutant("clip", "an infinite norm scales to 0, and what was finite goes on as zeros",
           "factor = tf.where(tf.is_finite(norm), factor, norm - norm)", "factor = factor", loses=["not_finite"]),
    Mutant("clip", "the list that comes back is shorter than the one that went in", "clipped.append(None if t is None else t * factor)",
           "clipped += [] if t is None else [t * factor]", loses=["other_entries", "not_finite"]),
    Mutant("clip", "IndexedSlices become dense tensors", "tf.IndexedSlices(t.values * factor, t.indices, t.dense_shape)",
           "tf.convert_to_tensor(t) * factor", loses=["other_entries", "not_finite"]),
    Mutant("clip", "a NaN of float64, whatever the gradients are", "factor, norm - norm)", "factor, tf.constant(float('nan'), tf.float64))",
           loses=["one_factor", "not_finite"]),
    Mutant("clip", "only dense gradients tell that the norm is broken", "t.values * factor",
           "t.values * (clip_norm / tf.maximum(norm, clip_norm))", loses=["not_finite"]),
    Mutant("clip", "the new IndexedSlices have no dense_shape", "t.indices, t.dense_shape)", "t.indices)", loses=["other_entries"]),
    Mutant("clip", "calls the function that it replaces", "factor = clip_norm / tf.maximum(norm, clip_norm)",
           "return tf.clip_by_global_norm(t_list, clip_norm, use_norm)", loses=["one_factor", "other_entries", "not_finite"]),

    Mutant("duplicates", "hands the duplicates on", "tf.IndexedSlices(sums, rows, grad.dense_shape)", "grad",
           loses=["summed", "form", "as_dense"]),
    Mutant("duplicates", "keeps the largest of the rows in place of their sum", "sums = tf.unsorted_segment_sum",
           "sums = tf.unsorted_segment_max", loses=["summed", "as_dense"]),
    Mutant("duplicates", "as many sums as the variable has rows", "tf.shape(rows)[0]", "tf.shape(var)[0]",
           loses=["summed", "form", "as_dense"]),
    Mutant("duplicates", "forgets the shape of the dense gradient", "rows, grad.dense_shape)", "rows)", loses=["form"]),
    Mutant("duplicates", "makes a dense gradient and looks the rows up in it",
           "tf.unsorted_segment_sum(grad.values, number, tf.shape(rows)[0])", "tf.gather(tf.convert_to_tensor(grad), rows)",
           loses=["form"]),
    Mutant("duplicates", "makes every index an int64", "(sums, rows,", "(sums, tf.cast(rows, tf.int64),", loses=["form"]),
    Mutant("duplicates", "forgets to return the op", "return optimizer", "optimizer", loses=["summed", "form", "as_dense"]),

    Mutant("moving_average", "the weights exchanged: decay for the new value", "(1 - decay) * (now(moved)", "decay * (now(moved)",
           loses=["plain", "debiased", "reads_now"]),
    Mutant("moving_average", "counts from 0: divides by zero at first", "tf.pow(decay, updates)", "tf.pow(decay, updates - 1)",
           loses=["debiased"]),
    Mutant("moving_average", "corrects what it has corrected already", "moved = biased if zero_debias else variable", "moved = variable",
           loses=["debiased"]),
    Mutant("moving_average", "reads the snapshot of the step's beginning", "(now(moved) - value)", "(moved - value)",
           loses=["reads_now"]),

    Mutant("lazy_adam", "squares the values before they are summed", "g = tf.unsorted_segment_sum(grad.values, number, tf.size(rows))",
           "rows, g = grad.indices, grad.values", loses=["duplicates", "many"]),
    Mutant("lazy_adam", "steps with the moments of the step before", "factor * new_m /", "factor * tf.gather(m, rows) /",
           loses=["first_step", "duplicates", "many"]),
    Mutant("lazy_adam", "epsilon inside the root", "(tf.sqrt(new_v) + epsilon)", "tf.sqrt(new_v + epsilon)",
           loses=["first_step", "duplicates", "many"]),
    Mutant("lazy_adam", "m of all rows decays", "tf.scatter_update(m, rows, new_m)",
           "tf.scatter_update(tf.assign(m, beta1 * m), rows, new_m)", loses=["lazy", "many"]),
    Mutant("lazy_adam", "m is a sum, as in momentum, and no average", "tf.gather(m, rows) + (1 - beta1) * g", "tf.gather(m, rows) + g",
           loses=["slots", "first_step", "duplicates", "many"]),

    Mutant("aside", "takes flushed for being on disk", "os.fsync(file.fileno())", "pass", loses=["on_disk"]),
    Mutant("aside", "forgets the folder", "os.fsync(directory)", "pass", loses=["on_disk"]),
    Mutant("aside", "makes room first, as where a rename does not overwrite", "os.replace(temporary, path)",
           "os.path.exists(path) and os.unlink(path); os.rename(temporary, path)", loses=["killed"]),
    Mutant("aside", "cleans up after errors, not after Ctrl-C", "except BaseException:", "except Exception:", loses=["exceptions"]),
    Mutant("aside", "leaves the half-written file behind", "os.unlink(temporary)", "pass", loses=["exceptions", "no_space"]),
    Mutant("aside", "copies to the name in place of renaming", "os.replace(temporary, path)",
           "open(path, 'wb').write(open(temporary, 'rb').read()); os.unlink(temporary)", loses=["killed", "on_disk"]),
    Mutant("aside", "keeps a copy of the old file beside it", "os.replace(temporary, path)",
           "os.path.exists(path) and os.link(path, path + '~'); os.replace(temporary, path)",
           loses=["in_its_place", "exceptions", "no_space"]),
    Mutant("aside", "the clean-up raises where the file could not even be made, and hides why",
           TRY, OPEN_INSIDE, loses=["no_space"]),
    Mutant("aside", "a rename that fails leaves the temporary file behind", TRY, RENAME_LAST, loses=["no_space"]),
    Mutant("aside", "a file without a buffer, whose short writes nobody looks at", '"xb")', '"xb", buffering=0)', loses=["no_space"]),
    Mutant("aside", "leaves closing to the garbage collector", "with file:", "if True:", loses=["closed"]),
    Mutant("aside", "the folder stays open", "os.close(directory)", "pass", loses=["closed"]),
    Mutant("aside", "leaves some of the bytes in Python's buffer while it waits for the disk", "file.flush()", "pass", loses=["on_disk"]),
]
