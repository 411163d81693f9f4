"""tf.placement: where ops run.

    model = tf.placement.measure(sess, fetches, feed_dict)
    sess = tf.Session(config=tf.ConfigProto(device_count={"CPU": 2}, cost_model=model))
    print(tf.placement.explain_placement(op, sess, fetches, feed_dict))
"""
from .cost_model import CostModel
from .explain import PlacementExplanation, explain_placement
from .greedy import Schedule, Transfer, Work, best, place, simulate, single_device
from .measure import measure
