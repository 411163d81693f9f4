"""tf.nn: what neural networks are made of."""
from ..core.nearest import no_attribute as _no_attribute
from ..ops.activation_ops import crelu, elu, leaky_relu, relu6, selu, softsign
from ..ops.batch_norm_ops import fused_batch_norm
from ..ops.candidate_sampling_ops import (all_candidate_sampler, compute_accidental_hits, fixed_unigram_candidate_sampler,
                                          learned_unigram_candidate_sampler, log_uniform_candidate_sampler, uniform_candidate_sampler)
from ..ops.conv_ops import atrous_conv2d, conv2d, conv2d_backprop_filter, conv2d_backprop_input, conv2d_transpose
from ..ops.cross_entropy_ops import (log_poisson_loss, sigmoid_cross_entropy_with_logits, softmax_cross_entropy_with_logits,
                                     softmax_cross_entropy_with_logits_v2, sparse_softmax_cross_entropy_with_logits,
                                     weighted_cross_entropy_with_logits)
from ..ops.depthwise_ops import (depthwise_conv2d, depthwise_conv2d_native, depthwise_conv2d_native_backprop_filter,
                                 depthwise_conv2d_native_backprop_filter as depthwise_conv2d_backprop_filter,
                                 depthwise_conv2d_native_backprop_input,
                                 depthwise_conv2d_native_backprop_input as depthwise_conv2d_backprop_input, separable_conv2d)
from ..ops.embedding_ops import embedding_lookup, embedding_lookup_sparse
from ..ops.lrn_ops import local_response_normalization, lrn
from ..ops.math_ops import sigmoid, tanh
from ..ops.moments_ops import (batch_norm_with_global_normalization, batch_normalization, moments, normalize_moments, sufficient_statistics,
                               weighted_moments)
from ..ops.nn_ops import (bias_add, dropout, in_top_k, l2_loss, l2_normalize, log_softmax, relu, relu_layer, softmax, softplus, xw_plus_b,
                          zero_fraction)
from ..ops.pool_ops import avg_pool, max_pool
from ..ops.top_k_ops import top_k
from . import rnn_cell
from .rnn import static_bidirectional_rnn, static_rnn
from .sampled_losses import nce_loss, sampled_softmax_loss


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
