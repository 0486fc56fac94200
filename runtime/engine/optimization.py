"""Optimisers and schedules as pure functions of tensors, shared by every engine.

`BERT` is google-research/bert's AdamWeightDecayOptimizer; `ADAMW` and `ADAM` are Keras'
AdamW and Adam.
"""

from __future__ import annotations

import math
from typing import Any

import keras

from runtime.engine.optimizer_settings import (
    SLANT,
    OptimizerName,
    OptimizerSettings,
    ParameterGroup,
    Schedule,
)

SLOTS = ("adam_m", "adam_v")

BETA_1, BETA_2 = 0.9, 0.999


def learning_rate(settings: OptimizerSettings, step: Any) -> Any:
    """The rate of the update that follows `step` updates.

    LINEAR for BERT decays over all steps, warm-up included, so the rate drops at the
    end of the warm-up; and it counts the update itself (TensorFlow 1 raised
    `global_step` before the schedule read it), so the first rate is above 0 and the
    last is 0. For the others it decays from the peak over the steps after the warm-up,
    and starts at 0. SLANTED rises and falls alike, but between the peak and a 32nd of
    it. COSINE rises alike for every optimiser, and falls as half a wave of the cosine.

    Args:
        settings: Optimiser and schedule.
        step: Scalar tensor, updates done.

    Returns:
        float32 scalar tensor.

    Source: google-research/bert, optimization.py, create_optimizer; the count was
        measured on a run of it. SLANTED: Howard and Ruder 2018, equation 3. COSINE:
        transformers, get_cosine_schedule_with_warmup.
    """
    step = keras.ops.cast(step, "float32")
    if settings.schedule is Schedule.CONSTANT:
        return settings.learning_rate * keras.ops.ones_like(step)
    height = _height(settings, step)
    if settings.schedule is Schedule.SLANTED:
        height = (1.0 + height * (SLANT - 1.0)) / SLANT
    return settings.learning_rate * height


def _height(settings: OptimizerSettings, step: Any) -> Any:
    """Share of the peak: up over the warm-up, then down to 0."""
    warmup, total = float(settings.num_warmup_steps), float(settings.num_train_steps)
    start = warmup
    if settings.counts_itself:
        step, start = step + 1.0, 0.0
    done = (step - start) / max(total - start, 1.0)
    done = keras.ops.clip(done, 0.0, 1.0)
    is_wave = settings.schedule is Schedule.COSINE
    decayed = 0.5 + 0.5 * keras.ops.cos(math.pi * done) if is_wave else 1.0 - done
    rising = step / max(warmup, 1.0)
    return keras.ops.where(step < warmup, rising, decayed)


def mask_frozen(group: ParameterGroup, gradient: Any, *, step: Any) -> Any:
    """The gradient, or zeros while the group stays as it is.

    Args:
        group: The variable's group.
        gradient: Its gradient.
        step: Scalar tensor, updates done.

    Returns:
        Tensor of the gradient's shape and dtype.
    """
    if group.first_step == 0:
        return gradient
    return gradient * keras.ops.cast(step >= group.first_step, gradient.dtype)


def group_rate(group: ParameterGroup, rate: Any, *, step: Any) -> Any:
    """The group's learning rate: its share of `rate`, and 0 before its first step."""
    if group.first_step > 0:
        rate = rate * keras.ops.cast(step >= group.first_step, "float32")
    return rate if group.rate == 1.0 else rate * group.rate


def own_step(group: ParameterGroup, step: Any) -> Any:
    """Updates that the group has seen, for the correction of its moments' bias."""
    if group.first_step == 0:
        return step
    return keras.ops.maximum(step - group.first_step, 0)


def update(
    settings: OptimizerSettings,
    *,
    decay: bool,
    gradient: Any,
    variable: Any,
    first_moment: Any,
    second_moment: Any,
    rate: Any,
    step: Any,
) -> tuple[Any, Any, Any]:
    """One variable's update.

    Args:
        settings: Optimiser and schedule.
        decay: Whether weight decay applies to this variable.
        gradient: Clipped gradient, shape of the variable.
        variable: Value before the update.
        first_moment: First moment, shape of the variable.
        second_moment: Second moment, shape of the variable.
        rate: float32 scalar, learning rate.
        step: float32 scalar, updates done before this one.

    Returns:
        New value, first moment and second moment.
    """
    first_moment = BETA_1 * first_moment + (1.0 - BETA_1) * gradient
    second_moment = BETA_2 * second_moment + (1.0 - BETA_2) * keras.ops.square(gradient)
    scale = rate * _bias_correction(settings, step)
    change = scale * first_moment / (keras.ops.sqrt(second_moment) + settings.epsilon)
    if decay:
        change = change + rate * settings.decay * variable
    return variable - change, first_moment, second_moment


def _bias_correction(settings: OptimizerSettings, step: Any) -> Any:
    if settings.name is OptimizerName.BERT:
        return 1.0
    updates = step + 1.0
    return keras.ops.sqrt(1.0 - BETA_2**updates) / (1.0 - BETA_1**updates)


def clip_factor(settings: OptimizerSettings, norm: Any) -> Any:
    """The factor that brings a gradient of global norm `norm` within `clip_norm`."""
    if settings.clip_norm == 0:
        return keras.ops.ones_like(norm)
    return settings.clip_norm / keras.ops.maximum(norm, settings.clip_norm)
