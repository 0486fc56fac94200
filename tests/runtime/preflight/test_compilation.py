from runtime.preflight import compilation

# As libtpu 0.0.42 says it.
TOO_LARGE = (
    "RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of memory in memory "
    "space hbm. Used 26.69G of 15.75G hbm. Exceeded hbm capacity by 10.94G."
)


def test_a_program_that_does_not_fit_tells_how_much_it_needs():
    answer = compilation.too_large(TOO_LARGE, compile_seconds=2.0)
    assert not answer.fits
    assert answer.memory == int(26.69 * 2**30)
    assert answer.capacity == int(15.75 * 2**30)


def test_without_numbers_it_still_does_not_fit():
    answer = compilation.too_large("RESOURCE_EXHAUSTED: hbm", compile_seconds=2.0)
    assert not answer.fits
    assert answer.memory is None


def test_another_error_is_not_about_size():
    assert compilation.too_large("UNIMPLEMENTED: fft", compile_seconds=1.0) is None


def test_an_error_names_its_layer():
    message = (
        'UNIMPLEMENTED: call. metadata={op_name="jit(train_call)/shard_map/while/body/'
        'transpose(jvp(classifier))/bert/pooler/dense/eig" source_file="x.py"}'
    )
    assert compilation.layer_in(message) == "classifier/bert/pooler/dense/eig"


def test_an_error_may_name_no_layer():
    assert compilation.layer_in("UNIMPLEMENTED: something") is None
