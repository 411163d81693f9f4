"""Candidate sampling: a few classes drawn in place of all, for losses over very many classes (nn/sampled_losses.py).

Each sampler returns three tensors:

    sampled_candidates       int64 [num_sampled]      classes in [0, range_max), drawn once for the whole batch
    true_expected_count      float32 [batch, num_true]  how often each true class was to be expected among them
    sampled_expected_count   float32 [num_sampled]    the same of each that was sampled

A class of probability p is expected num_sampled * p times.  With unique=True draws are refused until all are different; where that took t
draws, a class was among them with probability 1 - (1 - p)^t.  So of two classes, sampled uniformly from four, each has 1/2; had t = 3 draws
been needed, 1 - (3/4)^3 = 0.578: t is what a run happened to take, and the figure an estimate (Jean, Cho, Memisevic and Bengio, 2015, and
TensorFlow's documentation on candidate sampling, which these functions follow).

Draws repeat for the same seeds (random_seed.py), each run goes on where the last one stopped, and they are not TensorFlow's numbers.
"""
import collections

from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import convert_to_tensor
from .apply import apply_op
from .random_seed import get_seed
from .shape_fns import show, with_rank

_OUTPUTS = ["sampled_candidates: int64", "true_expected_count: float32", "sampled_expected_count: float32"]
_COUNTS = ["num_true: int >= 1", "num_sampled: int >= 1", "unique: bool"]
_RANGE = ["range_max: int >= 1"]
_SEEDS = ["seed: int = 0", "seed2: int = 0"]
_UNIGRAMS = ["vocab_file: string = ''", "distortion: float = 1.0", "num_reserved_ids: int >= 0 = 0", "num_shards: int >= 1 = 1", "shard: int >= 0 = 0",
             "unigrams: list(float) = []"]


CandidateSample = collections.namedtuple("CandidateSample", "sampled_candidates true_expected_count sampled_expected_count")
AccidentalHits = collections.namedtuple("AccidentalHits", "indices ids weights")


def _true_classes(c):
    """The shape of the batch of true classes, [batch, num_true]."""
    batch, columns = with_rank(c, 0, 2)
    if columns not in (None, c.attrs["num_true"]):
        raise ValueError(f"true_classes must have num_true = {c.attrs['num_true']} columns, got shape {show(c.inputs[0])}")
    return TensorShape([batch, c.attrs["num_true"]])


def sampler_shape(c):
    """ValueError if more unique classes are wanted than there are."""
    n, classes = c.attrs["num_sampled"], c.attrs.get("range_max")
    if classes is not None and c.attrs["unique"] and n > classes:
        raise ValueError(f"num_sampled is {n}, and there are only range_max = {classes} classes: there are not so many unique ones")
    return [TensorShape([n]), _true_classes(c), TensorShape([n])]


for _name in ("UniformCandidateSampler", "LogUniformCandidateSampler", "LearnedUnigramCandidateSampler"):
    register_op(_name, ["true_classes: int64"], _OUTPUTS, _COUNTS + _RANGE + _SEEDS, is_stateful=True)(sampler_shape)
register_op("AllCandidateSampler", ["true_classes: int64"], _OUTPUTS, _COUNTS + _SEEDS, is_stateful=True)(sampler_shape)


@register_op("FixedUnigramCandidateSampler", ["true_classes: int64"], _OUTPUTS, _COUNTS + _RANGE + _UNIGRAMS + _SEEDS, is_stateful=True)
def fixed_unigram_shape(c):
    """ValueError too if the counts are none, two kinds, or not as many as the range has classes."""
    a = c.attrs
    if bool(a["vocab_file"]) == bool(a["unigrams"]):
        raise ValueError(f"Exactly one of vocab_file and unigrams must be given, got vocab_file {a['vocab_file']!r} and {len(a['unigrams'])} unigrams")
    if a["shard"] >= a["num_shards"]:
        raise ValueError(f"shard must be in [0, num_shards = {a['num_shards']}), got {a['shard']}")
    if a["unigrams"]:
        classes = len(range(a["shard"], a["num_reserved_ids"] + len(a["unigrams"]), a["num_shards"]))
        if classes != a["range_max"]:
            raise ValueError(f"range_max is {a['range_max']}, and there are {classes} classes: {len(a['unigrams'])} unigrams and {a['num_reserved_ids']} "
                             f"reserved ones in {a['num_shards']} shards")
    return sampler_shape(c)


@register_op("ComputeAccidentalHits", ["true_classes: int64", "sampled_candidates: int64"], ["indices: int32", "ids: int64", "weights: float32"],
             ["num_true: int >= 1"] + _SEEDS, is_dynamic=True)
def accidental_hits_shape(c):
    _true_classes(c)
    with_rank(c, 1, 1)
    return [TensorShape([None])] * 3


def _sampled(op_type, true_classes, seed, name, **attrs):
    seed, seed2 = get_seed(seed)
    true_classes = convert_to_tensor(true_classes, dtype="int64", name="true_classes")
    return CandidateSample(*apply_op(op_type, true_classes, seed=seed or 0, seed2=seed2 or 0, name=name, **attrs))


def uniform_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, seed=None, name=None):
    """Classes drawn with P(class) = 1 / range_max: see the head of this module for what is returned.

    true_classes  int64 [batch, num_true]; one outside [0, range_max) is an InvalidArgumentError in the run
    num_sampled   how many are drawn; ValueError if it is above range_max and they must be unique
    """
    return _sampled("UniformCandidateSampler", true_classes, seed, name, num_true=num_true, num_sampled=num_sampled, unique=unique, range_max=range_max)


def log_uniform_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, seed=None, name=None):
    """Classes drawn with P(class) = (log(class + 2) - log(class + 1)) / log(range_max + 1), as words are that are numbered by falling frequency.

    P(0) is 0.064 of 50,000 classes, P(9) 0.0088, P(49,999) 0.0000018.  Arguments as of uniform_candidate_sampler.

    >>> sampled, true_count, sampled_count = tf.nn.log_uniform_candidate_sampler([[3], [17]], 1, 64, True, 50000)
    """
    return _sampled("LogUniformCandidateSampler", true_classes, seed, name, num_true=num_true, num_sampled=num_sampled, unique=unique, range_max=range_max)


def learned_unigram_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, seed=None, name=None):
    """Classes drawn in proportion to 1 + the number of times each was a true class in earlier runs of this op in the session.

    Arguments as of uniform_candidate_sampler.  The counts are no variable: no checkpoint holds them.
    """
    return _sampled("LearnedUnigramCandidateSampler", true_classes, seed, name, num_true=num_true, num_sampled=num_sampled, unique=unique,
                    range_max=range_max)


def fixed_unigram_candidate_sampler(true_classes, num_true, num_sampled, unique, range_max, vocab_file="", distortion=1.0, num_reserved_ids=0,
                                    num_shards=1, shard=0, unigrams=(), seed=None, name=None):
    """Classes drawn in proportion to given counts, each to the power `distortion`: 1 keeps them, 0 makes all alike, word2vec has 0.75.

    unigrams          the counts of the classes after the reserved ones, which are never drawn; or
    vocab_file        a file with a line per class that ends in ",count" (exactly one of the two)
    num_reserved_ids  how many classes come before them
    num_shards, shard   take only the classes i with i % num_shards == shard, as classes 0, 1, 2, ...
    The rest as of uniform_candidate_sampler.  ValueError unless range_max is the number of classes; InvalidArgumentError in the run for counts
    that are negative, not finite or all 0, and if fewer classes than num_sampled have a positive one and they must be unique.

    >>> tf.nn.fixed_unigram_candidate_sampler([[2]], 1, 2, True, 3, unigrams=[900, 90, 10], distortion=0.75)
    """
    return _sampled("FixedUnigramCandidateSampler", true_classes, seed, name, num_true=num_true, num_sampled=num_sampled, unique=unique,
                    range_max=range_max, vocab_file=vocab_file, distortion=distortion, num_reserved_ids=num_reserved_ids, num_shards=num_shards,
                    shard=shard, unigrams=list(unigrams))


def all_candidate_sampler(true_classes, num_true, num_sampled, unique, seed=None, name=None):
    """All classes, 0 to num_sampled - 1, each expected once: with it a sampled loss is the full one, for tests.

    true_classes: int64 [batch, num_true], each below num_sampled.
    """
    return _sampled("AllCandidateSampler", true_classes, seed, name, num_true=num_true, num_sampled=num_sampled, unique=unique)


def compute_accidental_hits(true_classes, sampled_candidates, num_true, seed=None, name=None):
    """Where a sampled class is a true one: (indices int32 [hits], ids int64 [hits], weights float32 [hits]).

    Example indices[k] has a true class that is sampled_candidates[ids[k]]; weights[k] is -FLT_MAX, to be added to that logit.  Hits come
    in the order of the true classes.  A class that was sampled twice hits twice (TensorFlow tells its last place only).

    >>> tf.nn.compute_accidental_hits([[7, 3], [5, 8]], [3, 9, 5], 2)        # [0, 1], [0, 2], [-3.4e38, -3.4e38]
    """
    seed, seed2 = get_seed(seed)
    true_classes = convert_to_tensor(true_classes, dtype="int64", name="true_classes")
    sampled_candidates = convert_to_tensor(sampled_candidates, dtype="int64", name="sampled_candidates")
    return AccidentalHits(*apply_op("ComputeAccidentalHits", true_classes, sampled_candidates, num_true=num_true, seed=seed or 0, seed2=seed2 or 0,
                                    name=name))
