"""The graph: operations, tensors, scopes, collections, and the wire form in which a graph travels."""
from .convert import convert_to_tensor, register_tensor_conversion_function
from .default_graphs import here
from .func_graph import FuncGraph
from .collections import GraphKeys
from .graph import Graph
from .importer import import_graph_def
from .inference import constant_value, constant_value_as_shape
from .operation import Operation, Tensor
from .scopes import (add_to_collection, add_to_collections, colocate_with, container, control_dependencies, device, get_collection,
                     get_collection_ref, get_default_graph, graph_of, name_scope, outermost, reset_default_graph)
from . import graph_def, graph_util, wire
