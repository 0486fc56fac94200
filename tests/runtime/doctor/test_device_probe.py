from runtime.doctor import device_probe


def test_it_places_and_measures(backend):
    report = device_probe.probe(accelerator="cpu", backend=backend.value, seconds=0.01)
    assert report["backend"] == backend.value
    assert report["devices"] == ["CPU:0"]
    assert report["teraflops"].keys() == {"float32", "bfloat16"}
    for speed in report["teraflops"].values():
        assert 1e-4 < speed < 1e3


def test_a_device_that_is_not_there_is_told(backend):
    report = device_probe.probe(accelerator="tpu", backend=backend.value, seconds=0.01)
    assert report.keys() == {"error"}
    assert report["error"]
