"""Calls from a lower layer to a higher one.

A lower layer may not import a higher one, yet `t.eval()` needs a session.  The higher layer registers its function here under a
name, and the lower one calls it by that name.

    eval    (tensor, feed_dict, session)    session/session.py
    run     (operation, feed_dict, session) session/session.py
    default_session ()                      session/session.py
    program_of (graph, session, fetches, feed_dict)              session/session.py
    py_func (token)                         ops/script_ops.py
    to_json, from_json                      graph/wire.py
    as_graph_def, node_def, graph_def_versions   graph/graph_def.py
    variable_parts, variable_of_parts       ops/variable_parts.py
    queue_runner_parts, queue_runner_of_parts    train/queue_runner.py
"""
_hooks = {}


def register_hook(name):
    """Decorate the function that a lower layer will call as hook(name)(...)."""
    def decorate(function):
        _hooks[name] = function
        return function
    return decorate


def hook(name):
    """The function registered under a name."""
    return _hooks[name]
