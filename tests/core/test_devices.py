import copy
import itertools
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minitf.core.devices import DeviceSpec, canonical_name, common_device, full_name, matches, merge_device, parse_device

WHOLE = "/job:worker/replica:0/task:1/device:CPU:0"
number = st.none() | st.integers(0, 99)
specs = st.builds(DeviceSpec, job=st.none() | st.from_regex("[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True), replica=number, task=number,
                  device_type=st.sampled_from([None, "CPU", "GPU", "TPU"]), device_index=number)


def fields(name):
    spec = parse_device(name)
    return spec.job, spec.replica, spec.task, spec.device_type, spec.device_index


@pytest.mark.parametrize("name, expected", [
    ("", (None, None, None, None, None)),
    ("/", (None, None, None, None, None)),
    (WHOLE, ("worker", 0, 1, "CPU", 0)),
    ("/device:CPU:0/task:1/job:worker/replica:0", ("worker", 0, 1, "CPU", 0)),
    ("/job:worker/replica:0/task:1/cpu:0", ("worker", 0, 1, "CPU", 0)),
    ("/cpu:1", (None, None, None, "CPU", 1)),
    ("/GPU:3", (None, None, None, "GPU", 3)),
    ("/gpu:*", (None, None, None, "GPU", None)),
    ("/cpu", (None, None, None, "CPU", None)),
    ("cpu:0", (None, None, None, "CPU", 0)),
    ("/device:gpu:2", (None, None, None, "GPU", 2)),
    ("/device:TPU:*", (None, None, None, "TPU", None)),
    ("/job:*/replica:*/task:*/device:*:*", (None, None, None, None, None)),
    ("/device:*:2", (None, None, None, None, 2)),
    ("/job:ps_2", ("ps_2", None, None, None, None)),
])
def test_parse(name, expected):
    assert fields(name) == expected
    assert fields(canonical_name(name)) == expected


@pytest.mark.parametrize("name, text", [
    ("/jobb:worker", "Unknown attribute: 'jobb' in '/jobb:worker'"),
    ("/job", "Unknown attribute: 'job' in '/job'"),
    ("/device:CPU", "Unknown attribute: 'device' in '/device:CPU'"),
    ("/cpu:0:1", "Unknown attribute: 'cpu' in '/cpu:0:1'"),
    ("/:0", "Unknown attribute: '' in '/:0'"),
    ("/cpu:0/gpu:1", "Cannot specify multiple device types: /cpu:0/gpu:1"),
    ("/device:CPU:0/cpu:0", "Cannot specify multiple device types: /device:CPU:0/cpu:0"),
    ("/job:1st", "Malformed device specification '/job:1st': a job is a letter and then letters, digits and '_', got '1st'"),
    ("/task:x", "Malformed device specification '/task:x': expected a number or '*', got 'x'"),
    ("/task:-1", "Malformed device specification '/task:-1': expected a number or '*', got '-1'"),
    ("/cpu:", "Malformed device specification '/cpu:': expected a number or '*', got ''"),
    ("/device::0", "Malformed device specification '/device::0': expected a device type such as CPU, got ''"),
])
def test_malformed(name, text):
    for parse in (DeviceSpec.from_string, canonical_name):
        with pytest.raises(ValueError) as e:
            parse(name)
        assert str(e.value) == text


def test_canonical_name():
    assert canonical_name(None) == canonical_name("") == ""
    assert canonical_name("/gpu:*/task:2") == "/task:2/device:GPU:*"
    assert canonical_name(DeviceSpec(job="ps", task=1)) == "/job:ps/task:1"
    assert canonical_name("/device:*:2") == "/device:*:2"
    with pytest.raises(TypeError, match="Expected a device name or a DeviceSpec, got 3"):
        canonical_name(3)


def test_spec():
    spec = DeviceSpec(job="ps", task="1", device_type="gpu")
    assert spec.task == 1 and spec.device_type == "GPU" and spec.to_string() == str(spec) == "/job:ps/task:1/device:GPU:*"
    assert repr(spec) == "DeviceSpec(job='ps', task=1, device_type='GPU')"
    spec.merge_from(DeviceSpec(task=3, device_index=2))
    assert spec.to_string() == "/job:ps/task:3/device:GPU:2"
    assert spec.parse_from_string("/cpu:0") is spec and spec == DeviceSpec.from_string("/cpu:0") != DeviceSpec()
    for other in (copy.copy(spec), pickle.loads(pickle.dumps(spec)), parse_device(spec)):
        assert other == spec and other is not spec
    with pytest.raises(ValueError, match="Malformed"):
        DeviceSpec(job="two words")
    with pytest.raises(ValueError, match="Malformed"):
        DeviceSpec(task=-1)


def test_a_parsed_name_is_not_changed_through_a_spec():
    DeviceSpec.from_string("/task:1").merge_from(DeviceSpec(task=2))
    assert DeviceSpec.from_string("/task:1").task == 1


def test_the_innermost_wins_per_field():
    assert merge_device("/job:worker/cpu:0", "/task:3/cpu:1") == "/job:worker/task:3/device:CPU:1"
    assert merge_device("/job:worker/task:1", "/job:ps") == "/job:ps/task:1"
    assert merge_device("/cpu:1", "/gpu:*") == "/device:GPU:1"
    assert merge_device("/cpu:1", None) == merge_device("", "/cpu:1") == "/device:CPU:1"
    assert merge_device(DeviceSpec(job="ps"), DeviceSpec(task=1)) == "/job:ps/task:1"


# outer scope, inner scope, what an op inside asks for (merge_device), what two such nodes ask for together (common_device; None: they contradict)
MERGES = [
    ("", "", "", ""),
    ("", "/cpu:0", "/device:CPU:0", "/device:CPU:0"),
    ("/cpu:0", "", "/device:CPU:0", "/device:CPU:0"),
    ("/cpu:0", "/cpu:0", "/device:CPU:0", "/device:CPU:0"),
    ("/cpu:0", "/cpu:1", "/device:CPU:1", None),
    ("/cpu:0", "/gpu:0", "/device:GPU:0", None),
    ("/cpu:0", "/gpu:*", "/device:GPU:0", None),                              # the wart: the index stays when the type changes
    ("/gpu:3", "/cpu:*", "/device:CPU:3", None),                              # the same
    ("/gpu:3", "/cpu", "/device:CPU:3", None),
    ("/gpu:*", "/cpu:1", "/device:CPU:1", None),
    ("/cpu:*", "/cpu:1", "/device:CPU:1", "/device:CPU:1"),
    ("/cpu:1", "/cpu:*", "/device:CPU:1", "/device:CPU:1"),
    ("/cpu:*", "/cpu:*", "/device:CPU:*", "/device:CPU:*"),
    ("/device:*:1", "/cpu:*", "/device:CPU:1", "/device:CPU:1"),
    ("/device:*:1", "/device:*:2", "/device:*:2", None),
    ("/device:TPU:0", "/device:*:1", "/device:TPU:1", None),
    ("/job:ps", "/cpu:0", "/job:ps/device:CPU:0", "/job:ps/device:CPU:0"),
    ("/cpu:0", "/job:ps", "/job:ps/device:CPU:0", "/job:ps/device:CPU:0"),
    ("/job:ps", "/job:worker", "/job:worker", None),
    ("/job:ps", "/job:*", "/job:ps", "/job:ps"),
    ("/job:ps/task:1", "/job:worker", "/job:worker/task:1", None),            # the task stays when the job changes
    ("/job:ps/task:1", "/task:2", "/job:ps/task:2", None),
    ("/job:ps", "/task:2", "/job:ps/task:2", "/job:ps/task:2"),
    ("/task:0", "/task:*", "/task:0", "/task:0"),
    ("/replica:1", "/replica:2", "/replica:2", None),
    ("/replica:1", "/task:2", "/replica:1/task:2", "/replica:1/task:2"),
    ("/job:worker/replica:0/task:1", "/cpu:0", "/job:worker/replica:0/task:1/device:CPU:0", "/job:worker/replica:0/task:1/device:CPU:0"),
    (WHOLE, "/gpu:1", "/job:worker/replica:0/task:1/device:GPU:1", None),
    (WHOLE, "/task:1", WHOLE, WHOLE),
    (WHOLE, "/task:2", "/job:worker/replica:0/task:2/device:CPU:0", None),
    (WHOLE, WHOLE, WHOLE, WHOLE),
    ("/cpu:0/job:a", "/job:a/cpu:0", "/job:a/device:CPU:0", "/job:a/device:CPU:0"),
    ("/job:a/cpu:*", "/task:0/device:*:2", "/job:a/task:0/device:CPU:2", "/job:a/task:0/device:CPU:2"),
    ("/job:a/task:0/cpu:2", "/job:b/replica:3", "/job:b/replica:3/task:0/device:CPU:2", None),
]


@pytest.mark.parametrize("outer, inner, merged, common", MERGES)
def test_the_merge_table(outer, inner, merged, common):
    assert merge_device(outer, inner) == merged
    if common is None:
        for a, b in ((outer, inner), (inner, outer)):
            with pytest.raises(ValueError, match="Cannot merge devices with incompatible (jobs|replicas|tasks|types|ids): '"):
                common_device(a, b)
    else:
        assert common_device(outer, inner) == common_device(inner, outer) == common


@pytest.mark.parametrize("a, b, text", [
    ("/job:ps", "/job:worker/cpu:0", "Cannot merge devices with incompatible jobs: '/job:ps' and '/job:worker/device:CPU:0'"),
    ("/replica:0", "/replica:1", "Cannot merge devices with incompatible replicas: '/replica:0' and '/replica:1'"),
    ("/task:0", "/task:1", "Cannot merge devices with incompatible tasks: '/task:0' and '/task:1'"),
    ("/gpu:0", "/cpu:0", "Cannot merge devices with incompatible types: '/device:GPU:0' and '/device:CPU:0'"),
    ("/cpu:0", "/cpu:1", "Cannot merge devices with incompatible ids: '/device:CPU:0' and '/device:CPU:1'"),
])
def test_what_contradicts(a, b, text):
    with pytest.raises(ValueError) as e:
        common_device(a, b)
    assert str(e.value) == text


def test_soft_placement_forgets_types_and_indices_that_differ_and_nothing_else():
    assert common_device("/job:a/gpu:1", "/job:a/cpu:1", soft=True) == "/job:a"
    assert common_device("/job:a/cpu:1", "/cpu:2", soft=True) == "/job:a/device:CPU:*"
    assert common_device("/cpu:1", "/task:3/cpu:1", soft=True) == "/task:3/device:CPU:1"
    for a, b in (("/job:a", "/job:b"), ("/task:0", "/task:1"), ("/replica:0", "/replica:1")):
        with pytest.raises(ValueError):
            common_device(a, b, soft=True)


@given(specs, specs)
def test_what_meets_both(a, b):
    try:
        both = common_device(a, b)
    except ValueError:
        assert any(None not in pair and pair[0] != pair[1] for pair in zip(fields(a.to_string()), fields(b.to_string())))
        return
    full = full_name(*[x if x is not None else y for x, y in zip(fields(both)[3:], ("CPU", 0))], *[x if x is not None else y for x, y in zip(fields(both)[:3], ("j", 0, 0))])
    assert matches(a, full) and matches(b, full) and matches(both, full)
    assert both == merge_device(a, b) == merge_device(b, a)


def test_matches():
    for spec in (None, "", "/cpu:0", "/job:worker", "/task:1/cpu:*", WHOLE, DeviceSpec(replica=0)):
        assert matches(spec, WHOLE)
    for spec in ("/gpu:0", "/cpu:1", "/job:ps", "/task:0", DeviceSpec(replica=1)):
        assert not matches(spec, WHOLE)


def test_full_name():
    assert full_name("CPU", 0) == "/job:localhost/replica:0/task:0/device:CPU:0"
    assert full_name("GPU", 1, job="worker", task=2) == "/job:worker/replica:0/task:2/device:GPU:1"


@given(specs)
def test_round_trip(spec):
    assert DeviceSpec.from_string(spec.to_string()) == spec


@given(specs)
def test_the_order_of_the_parts_does_not_matter(spec):
    for parts in itertools.permutations(spec.to_string().split("/")[1:]):
        assert DeviceSpec.from_string("/" + "/".join(parts)) == spec


@given(specs, specs, specs)
def test_merging_is_associative_and_its_result_matches_the_inner(a, b, c):
    a, b, c = map(canonical_name, (a, b, c))
    assert merge_device(merge_device(a, b), c) == merge_device(a, merge_device(b, c))
    assert merge_device(a, a) == a
    assert matches(b, merge_device(a, b))
