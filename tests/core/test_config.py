import copy
import pickle

import numpy as np
import pytest

from minitf.core.config import ConfigProto, GPUOptions, GraphOptions, OptimizerOptions, RunMetadata, RunOptions


def test_defaults():
    config = ConfigProto()
    assert config.device_count == {} and config.device_filters == []
    assert config.intra_op_parallelism_threads == config.inter_op_parallelism_threads == 0
    assert config.operation_timeout_in_ms == config.placement_period == 0
    assert not (config.allow_soft_placement or config.log_device_placement or config.use_per_session_threads)
    assert config.graph_options.optimizer_options.opt_level == OptimizerOptions.L1
    assert not config.gpu_options.allow_growth
    options = RunOptions()
    assert options.trace_level == RunOptions.NO_TRACE and options.timeout_in_ms == 0 and not options.output_partition_graphs
    metadata = RunMetadata()
    assert metadata.step_stats is metadata.cost_graph is None and len(metadata.partition_graphs) == 0


def test_construction_and_assignment():
    config = ConfigProto(device_count={"CPU": np.int32(2)}, allow_soft_placement=1, device_filters=("/job:ps",),
                         graph_options=GraphOptions(optimizer_options=OptimizerOptions(opt_level=OptimizerOptions.L0)),
                         gpu_options=GPUOptions(per_process_gpu_memory_fraction=1))
    assert config.device_count == {"CPU": 2} and config.allow_soft_placement is True and config.device_filters == ["/job:ps"]
    assert config.graph_options.optimizer_options.opt_level == -1
    assert type(config.gpu_options.per_process_gpu_memory_fraction) is float
    config.gpu_options.allow_growth = True
    config.operation_timeout_in_ms = 500
    config.device_count["GPU"] = 0
    assert config.gpu_options.allow_growth is True and config.operation_timeout_in_ms == 500
    assert RunOptions(trace_level=RunOptions.FULL_TRACE).trace_level == 3


def test_defaults_are_not_shared():
    ConfigProto().device_count["CPU"] = 4
    ConfigProto().gpu_options.allow_growth = True
    assert ConfigProto() == ConfigProto(device_count={}) and not ConfigProto().gpu_options.allow_growth


def test_unknown_field():
    with pytest.raises(ValueError) as e:
        ConfigProto(soft_placement=True)
    assert str(e.value) == ("ConfigProto has no field 'soft_placement'; "
                            "the nearest names are allow_soft_placement, log_device_placement, placement_period")
    with pytest.raises(ValueError, match="RunOptions has no field 'zzz'; it has trace_level, timeout_in_ms"):
        RunOptions(zzz=1)
    with pytest.raises(AttributeError, match="GPUOptions has no field 'alow_growth'; the nearest names are allow_growth"):
        ConfigProto().gpu_options.alow_growth = True
    with pytest.raises(AttributeError, match="RunOptions has no field 'timeout_in_s'; the nearest names are timeout_in_ms"):
        RunOptions().timeout_in_s


@pytest.mark.parametrize("fields, wanted", [
    (dict(intra_op_parallelism_threads="2"), "int; got '2' of type str"),
    (dict(intra_op_parallelism_threads=1.0), "int; got 1.0 of type float"),
    (dict(intra_op_parallelism_threads=True), "int; got True of type bool"),
    (dict(allow_soft_placement="yes"), "bool; got 'yes' of type str"),
    (dict(allow_soft_placement=2), "bool; got 2 of type int"),
    (dict(allow_soft_placement=None), "bool; got None of type NoneType"),
    (dict(device_count=["CPU"]), r"a dict of str to int; got \['CPU'\] of type list"),
    (dict(device_count={"CPU": "2"}), "a dict of str to int; got {'CPU': '2'} of type dict"),
    (dict(device_filters="/job:ps"), "a list of str; got '/job:ps' of type str"),
    (dict(gpu_options=GraphOptions()), r"GPUOptions; got GraphOptions\(\) of type GraphOptions"),
])
def test_wrong_type(fields, wanted):
    with pytest.raises(TypeError, match=f"^ConfigProto.{next(iter(fields))} must be {wanted}$"):
        ConfigProto(**fields)


def test_wrong_choice():
    with pytest.raises(ValueError, match="RunOptions.trace_level must be one of NO_TRACE=0, .*FULL_TRACE=3; got 4"):
        RunOptions(trace_level=4)
    with pytest.raises(ValueError, match="OptimizerOptions.opt_level must be one of L1=0, L0=-1; got 2"):
        OptimizerOptions().opt_level = 2


def test_copies_are_deep_and_equal():
    config = ConfigProto(device_count={"CPU": 2}, graph_options=GraphOptions(enable_bfloat16_sendrecv=True))
    other = ConfigProto()
    other.CopyFrom(config)
    for twin in (other, copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert twin == config
        twin.device_count["CPU"] = 3
        twin.graph_options.optimizer_options.opt_level = OptimizerOptions.L0
        assert twin != config and config.device_count == {"CPU": 2}
        assert config.graph_options.optimizer_options.opt_level == OptimizerOptions.L1
    with pytest.raises(TypeError, match="must be ConfigProto, got RunOptions"):
        config.CopyFrom(RunOptions())
    assert config != "ConfigProto"


def test_printing_shows_what_was_set():
    assert repr(ConfigProto()) == "ConfigProto()"
    config = ConfigProto(device_count={"CPU": 2}, gpu_options=GPUOptions(allow_growth=True))
    assert repr(config) == "ConfigProto(device_count={'CPU': 2}, gpu_options=GPUOptions(allow_growth=True))"
    assert eval(repr(config)) == config


def test_metadata_holds_what_the_session_puts_there():
    metadata = RunMetadata()
    metadata.partition_graphs = ["g0", "g1"]
    metadata.step_stats = {"ops": 3}
    assert metadata.partition_graphs == ["g0", "g1"] and metadata.step_stats == {"ops": 3}
