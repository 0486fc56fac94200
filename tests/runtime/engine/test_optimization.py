import dataclasses

import keras
import numpy as np
import pytest

from runtime.engine import optimization
from runtime.engine.optimizer_settings import (
    OptimizerName,
    OptimizerSettings,
    ParameterGroup,
    Schedule,
)
from runtime.errors import SettingsError
from tests import rounding

ADAM = 12  # operations of an update, its rate and its decay
NUMBERS = ("weight_decay", "adam_epsilon", "max_grad_norm")


def settings(name=OptimizerName.BERT, **others):
    defaults = {"num_train_steps": 20, "num_warmup_steps": 4, "learning_rate": 5e-4}
    return OptimizerSettings(name=name, **(defaults | others))


def numbers(values):
    return [np.asarray(keras.ops.convert_to_numpy(value)) for value in values]


def step_once(chosen, state, *, gradient, rate, step, decay=True):
    """Returns variable, first and second moment after an update."""
    variable, first, second = state
    return numbers(
        optimization.update(
            chosen,
            decay=decay,
            gradient=np.float32(gradient),
            variable=variable,
            first_moment=first,
            second_moment=second,
            rate=np.float32(rate),
            step=np.float32(step),
        )
    )


def rates(chosen, steps):
    values = [optimization.learning_rate(chosen, np.int64(step)) for step in steps]
    return np.array(numbers(values))


def test_bert_solves_the_originals_unit_test():
    # Source: google-research/bert, optimization_test.py.
    chosen = settings(weight_decay=0.0, learning_rate=0.2, num_train_steps=100)
    target = np.array([0.4, 0.2, -0.5], np.float32)
    state = [np.array([0.1, -0.2, -0.1], np.float32), *np.zeros((2, 3), np.float32)]
    for step in range(100):
        gradient = 2 * (state[0] - target) / 3
        state = step_once(chosen, state, gradient=gradient, rate=0.2, step=step)
    np.testing.assert_allclose(state[0], target, atol=1e-2)


def literal_bert(state, *, gradient, rate, decay):
    """AdamWeightDecayOptimizer, line by line."""
    param, m, v = state
    next_m = 0.9 * m + (1.0 - 0.9) * gradient
    next_v = 0.999 * v + (1.0 - 0.999) * gradient**2
    update = next_m / (np.sqrt(next_v) + 1e-6)
    if decay:
        update += 0.01 * param
    return [param - rate * update, next_m, next_v]


@pytest.mark.parametrize("decay", [True, False])
def test_bert_is_the_originals_arithmetic(decay):
    random = np.random.default_rng(1)
    ours = [random.normal(size=(5, 3)).astype(np.float32), *np.zeros((2, 5, 3), "f4")]
    theirs = [value.astype(np.float64) for value in ours]
    for step in range(30):
        gradient = random.normal(size=(5, 3)) * 10.0 ** random.integers(-6, 2)
        rate = 0.01 * (step + 1)
        ours = step_once(
            settings(), ours, gradient=gradient, rate=rate, step=step, decay=decay
        )
        theirs = literal_bert(theirs, gradient=gradient, rate=rate, decay=decay)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)


class LinearSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """From 0 to the peak over the warm-up, then straight down to 0."""

    def __init__(self, chosen):
        self.chosen = chosen

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        warmup, total = self.chosen.num_warmup_steps, self.chosen.num_train_steps
        share = keras.ops.minimum(step / warmup, (total - step) / (total - warmup))
        return self.chosen.learning_rate * share


def test_adamw_is_keras_adamw_under_a_linear_schedule():
    chosen = settings(OptimizerName.ADAMW, learning_rate=0.05, weight_decay=0.02)
    random = np.random.default_rng(2)
    state = [random.normal(size=(4, 2)).astype(np.float32), *np.zeros((2, 4, 2), "f4")]
    variable = keras.Variable(state[0])
    adamw = keras.optimizers.AdamW(
        LinearSchedule(chosen), weight_decay=0.02, beta_1=0.9, beta_2=0.999
    )
    for step, rate in enumerate(rates(chosen, range(20))):
        gradient = random.normal(size=(4, 2)).astype(np.float32)
        state = step_once(chosen, state, gradient=gradient, rate=rate, step=step)
        adamw.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        expected = keras.ops.convert_to_numpy(variable.value)
        rounding.assert_near(state[0], expected, operations=ADAM * (step + 1))


def test_bert_rises_from_its_first_update_and_drops_after_the_warmup():
    found = rates(settings(), range(20)) / 5e-4
    counted = np.arange(1, 21)
    expected = np.where(counted < 4, counted / 4, 1 - counted / 20)
    rounding.assert_near(found, expected, operations=ADAM)
    assert found[2] < found[3] == pytest.approx(0.8)
    assert found[-1] == 0


def test_adamw_rises_from_zero_and_falls_from_the_peak():
    found = rates(settings(OptimizerName.ADAMW), range(21)) / 5e-4
    expected = np.where(np.arange(21) < 4, np.arange(21) / 4, (20 - np.arange(21)) / 16)
    rounding.assert_near(found, expected, operations=ADAM)
    assert found.max() == found[4] == 1


@pytest.mark.parametrize("name", OptimizerName)
def test_rate_without_warmup_and_beyond_the_end(name):
    chosen = settings(name, num_warmup_steps=0)
    assert rates(chosen, [0])[0] == pytest.approx(5e-4, rel=0.06)
    assert rates(chosen, [20, 21, 1000]).tolist() == [0, 0, 0]
    all_warmup = settings(name, num_warmup_steps=20)
    assert np.isfinite(rates(all_warmup, range(22))).all()


@pytest.mark.parametrize(
    ("norm", "factor"), [(0.0, 1), (0.5, 1), (1, 1), (4, 0.25), (1e20, 1e-20)]
)
def test_clipping_shortens_only_what_is_too_long(norm, factor):
    [found] = numbers([optimization.clip_factor(settings(), np.float32(norm))])
    assert found == pytest.approx(factor)


@pytest.mark.parametrize(
    ("name", "decays"),
    [
        ("bert/embeddings/word_embeddings", True),
        ("bert/encoder/layer_0/attention/self/query/kernel", True),
        ("output_weights", True),
        ("bert/encoder/layer_0/attention/self/query/bias", False),
        ("bert/encoder/layer_0/output/LayerNorm/gamma", False),
        ("bert/embeddings/layer_norm/beta", False),
        ("output_bias", False),
    ],
)
def test_decay_leaves_out_biases_and_norms(name, decays):
    assert settings().decays(name) is decays


def test_epsilon_and_norm_belong_to_the_optimiser():
    bert, adamw = settings(), settings(OptimizerName.ADAMW)
    assert (bert.epsilon, adamw.epsilon) == (1e-6, 1e-7)
    assert bert.norm_counts_rows
    assert not adamw.norm_counts_rows


def test_wrong_settings_are_reported_together():
    with pytest.raises(SettingsError) as caught:
        dataclasses.replace(
            settings(), learning_rate=-1, num_warmup_steps=-2, max_grad_norm=-0.5
        )
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "learning_rate",
        "num_warmup_steps",
        "max_grad_norm",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in NUMBERS for value in (-0.1, np.nan, np.inf, 1e39)),
        ("adam_epsilon", 0.0),
        ("adam_epsilon", 1e-45),
        ("learning_rate", np.nan),
    ],
)
def test_a_number_that_no_update_can_use(name, value):
    with pytest.raises(SettingsError) as caught:
        settings(**{name: value})
    [problem] = caught.value.problems
    assert problem.startswith(f"{name} must ")
    assert problem.endswith(f"got {value}.")


# Other schedules ---------------------------------------------------------------------


def transformers_cosine(step, *, warmup, total):
    """_get_cosine_schedule_with_warmup_lr_lambda of transformers, num_cycles 0.5."""
    if step < warmup:
        return step / max(1, warmup)
    progress = (step - warmup) / max(1, total - warmup)
    return max(0.0, 0.5 * (1.0 + np.cos(np.pi * 0.5 * 2.0 * progress)))


@pytest.mark.parametrize("name", OptimizerName)
@pytest.mark.parametrize("warmup", [0, 4, 20])
def test_the_cosine_schedule_is_transformers(name, warmup):
    chosen = settings(name, schedule=Schedule.COSINE, num_warmup_steps=warmup)
    steps = range(21)
    expected = [transformers_cosine(step, warmup=warmup, total=20) for step in steps]
    # Near the end, 1 + cos loses what a rounded pi has lost.
    np.testing.assert_allclose(rates(chosen, steps) / 5e-4, expected, atol=1e-6)
    assert rates(chosen, [1000])[0] == pytest.approx(0, abs=1e-9)


def test_a_constant_rate_stays():
    chosen = settings(OptimizerName.ADAM, schedule=Schedule.CONSTANT)
    rounding.assert_near(rates(chosen, [0, 3, 19, 500]), 5e-4, operations=2)


@pytest.mark.parametrize("name", OptimizerName)
def test_the_slanted_schedule_is_the_papers(name):
    total, cut, peak = 200, 20, 0.01
    chosen = settings(
        name,
        schedule=Schedule.SLANTED,
        num_train_steps=total,
        num_warmup_steps=cut,
        learning_rate=peak,
    )
    steps = np.arange(total)
    # Howard and Ruder 2018, equation 3, with cut_frac 0.1 and ratio 32.
    height = np.where(
        steps < cut, steps / cut, 1 - (steps - cut) / (cut * (1 / 0.1 - 1))
    )
    np.testing.assert_allclose(
        rates(chosen, steps), peak * (1 + height * 31) / 32, rtol=1e-4
    )


# Groups ------------------------------------------------------------------------------


def test_the_first_group_whose_pattern_matches():
    groups = (
        ParameterGroup(pattern="embedding", rate=0.1),
        ParameterGroup(pattern="e", rate=0.5),
    )
    chosen = settings(groups=groups)
    assert chosen.group_of("encoder/embedding").rate == 0.1
    assert chosen.group_of("encoder/kernel").rate == 0.5
    assert chosen.group_of("output/bias").rate == 1.0


def test_a_group_starts_when_it_is_its_turn():
    group = ParameterGroup(pattern="", rate=0.5, first_step=3)
    gradient = np.array([2.0, -1.0], np.float32)
    for step, share in ((2, 0), (3, 1), (9, 1)):
        now = np.int32(step)
        [found] = numbers([optimization.mask_frozen(group, gradient, step=now)])
        np.testing.assert_array_equal(found, gradient * share)
        [rate] = numbers([optimization.group_rate(group, np.float32(0.2), step=now)])
        assert rate == pytest.approx(0.1 * share)
        [own] = numbers([optimization.own_step(group, now)])
        assert own == max(step - 3, 0)


def test_adam_neither_decays_nor_clips():
    chosen = settings(OptimizerName.ADAM)
    assert not chosen.decays("kernel")
    assert numbers([optimization.clip_factor(chosen, np.float32(1e6))]) == [1.0]


# What is asked for instead of the optimiser's own ------------------------------------

OWN = {
    OptimizerName.BERT: (0.01, 1e-6, 1.0),
    OptimizerName.ADAMW: (0.01, 1e-7, 1.0),
    OptimizerName.ADAM: (0.0, 1e-7, 0.0),
}


@pytest.mark.parametrize("name", OptimizerName)
def test_none_is_the_optimisers_own(name):
    own = settings(name)
    assert (own.decay, own.epsilon, own.clip_norm) == OWN[name]
    asked = settings(name, weight_decay=0.3, adam_epsilon=1e-8, max_grad_norm=5.0)
    assert (asked.decay, asked.epsilon, asked.clip_norm) == (0.3, 1e-8, 5.0)
    none = settings(name, weight_decay=0.0, max_grad_norm=0.0)
    assert not none.decays("kernel")
    assert numbers([optimization.clip_factor(none, np.float32(1e6))]) == [1.0]


def literal_adamw(state, *, gradient, rate, step, decay, epsilon):
    """torch.optim.AdamW, with Keras' place of epsilon: before the correction."""
    param, m, v = state
    m = 0.9 * m + 0.1 * gradient
    v = 0.999 * v + 0.001 * gradient**2
    correction = np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
    param = param * (1 - rate * decay)
    return [param - rate * correction * m / (np.sqrt(v) + epsilon), m, v]


@pytest.mark.parametrize("name", [OptimizerName.ADAMW, OptimizerName.ADAM])
def test_decay_and_epsilon_are_those_that_were_asked_for(name):
    chosen = settings(name, weight_decay=0.3, adam_epsilon=1e-3)
    random = np.random.default_rng(3)
    ours = [random.normal(size=(4, 2)).astype(np.float32), *np.zeros((2, 4, 2), "f4")]
    theirs = [value.astype(np.float64) for value in ours]
    for step in range(20):
        gradient = random.normal(size=(4, 2)) * 10.0 ** random.integers(-5, 1)
        at = {"gradient": gradient, "rate": 0.02 * (step + 1), "step": step}
        ours = step_once(chosen, ours, decay=chosen.decays("kernel"), **at)
        theirs = literal_adamw(theirs, decay=0.3, epsilon=1e-3, **at)
        # The corrections lose digits in float32 where 1 - 0.999**updates is small.
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-5)


def torch_factor(norm, bound):
    """torch.nn.utils.clip_grad_norm_, but for the 1e-6 that it adds to the norm."""
    return min(bound / norm, 1.0)


@pytest.mark.parametrize("bound", [0.25, 1.0, 5.0])
@pytest.mark.parametrize("norm", [0.1, 1.0, 7.0])
def test_clipping_to_another_norm(norm, bound):
    chosen = settings(max_grad_norm=bound)
    [found] = numbers([optimization.clip_factor(chosen, np.float32(norm))])
    assert found == pytest.approx(torch_factor(norm, bound))


@pytest.mark.parametrize("name", OptimizerName)
@pytest.mark.parametrize("schedule", Schedule)
@pytest.mark.parametrize("warmup", [0, 5, 20, 21, 400])
def test_the_highest_rate_is_the_highest_of_all_updates(name, schedule, warmup):
    chosen = settings(name, schedule=schedule, num_warmup_steps=warmup)
    highest = rates(chosen, range(20)).max()
    if warmup > 20 and schedule is not Schedule.CONSTANT:
        assert chosen.highest_rate < chosen.learning_rate
        assert chosen.highest_rate == pytest.approx(highest, rel=1e-5)
    else:
        assert chosen.highest_rate == chosen.learning_rate
