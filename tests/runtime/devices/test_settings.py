import pytest

from runtime.devices.placement import (
    Accelerator,
    Backend,
    Placement,
    Precision,
    ProcessGroup,
    TpuAddress,
)
from runtime.devices.settings import DeviceSettings
from runtime.errors import SettingsError


def make(**settings):
    defaults = {
        "accelerator": Accelerator.AUTO,
        "backend": Backend.AUTO,
        "precision": Precision.FLOAT32,
        "steps_per_call": 1,
    }
    return DeviceSettings(**(defaults | settings))


def test_either_flag_asks_for_a_tpu():
    assert make().wanted_accelerator is Accelerator.AUTO
    assert make(accelerator=Accelerator.GPU).wanted_accelerator is Accelerator.GPU
    for asks in ({"use_tpu": True}, {"accelerator": Accelerator.TPU}):
        assert make(**asks).wanted_accelerator is Accelerator.TPU
    both = make(use_tpu=True, accelerator=Accelerator.TPU)
    assert list(both.device_problems()) == []


def test_the_original_name_of_steps_per_call():
    assert make().updates_per_call == 1
    assert make(iterations_per_loop=1000).updates_per_call == 1000
    same = make(iterations_per_loop=4, steps_per_call=4)
    assert list(same.device_problems()) == []
    assert same.updates_per_call == 4


def test_where_the_tpu_and_the_other_processes_are():
    assert make().tpu == TpuAddress()
    assert make().tpu.is_local
    assert make(tpu_name="local").tpu.is_local
    settings = make(tpu_name="mine", tpu_zone="zone", gcp_project="project")
    assert settings.tpu == TpuAddress(name="mine", zone="zone", project="project")
    assert not settings.tpu.is_local
    group = make(coordinator_address="host:1", num_processes=2, process_id=0)
    assert group.process_group == ProcessGroup(coordinator="host:1", count=2, index=0)
    assert list(group.device_problems()) == []
    assert list(make(coordinator_address="auto").device_problems()) == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"use_tpu": True, "accelerator": Accelerator.GPU},
            "--use_tpu and --accelerator=gpu contradict each other",
        ),
        (
            {"iterations_per_loop": 1000, "steps_per_call": 8},
            "--iterations_per_loop=1000 and --steps_per_call=8 mean the same",
        ),
        ({"num_tpu_cores": 0}, "--num_tpu_cores must be at least 1; got 0."),
        ({"iterations_per_loop": 0}, "--iterations_per_loop must be at least 1"),
        ({"num_processes": 2}, "need --coordinator_address"),
        ({"coordinator_address": "auto", "process_id": 0}, "need --coordinator_addr"),
        ({"coordinator_address": "host:1"}, "needs --num_processes and --process_id"),
        (
            {"coordinator_address": "host:1", "num_processes": 2, "process_id": 2},
            "--process_id must lie in [0, --num_processes=2); got 2.",
        ),
    ],
)
def test_what_does_not_fit_together(settings, problem):
    [found] = make(**settings).device_problems()
    assert problem in found


@pytest.mark.parametrize(
    ("accelerator", "is_refused"), [(Accelerator.TPU, True), (Accelerator.CPU, False)]
)
def test_a_tpu_must_have_the_cores_that_were_asked_for(accelerator, is_refused):
    placement = Placement(
        backend=Backend.JAX,
        accelerator=accelerator,
        precision=Precision.FLOAT32,
        devices=("0", "1", "2", "3"),
        strategy=None,
        max_row_shapes=8,
    )
    make().refuse_other_cores(placement)
    make(num_tpu_cores=4).refuse_other_cores(placement)
    settings = make(num_tpu_cores=8)
    if is_refused:
        with pytest.raises(SettingsError, match="num_tpu_cores=8, but 4 TPU cores"):
            settings.refuse_other_cores(placement)
    else:
        settings.refuse_other_cores(placement)  # as the original: only on TPUs
