"""What a TPU check finds, as lines for a person."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable, Iterator, Mapping

from runtime.errors import CompilationError
from runtime.preflight.batch_search import Trial, largest_batch
from runtime.preflight.check import StepAnswer, TpuCheck

_GIB = 2**30


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What is wanted beside the verdict on each step.

    Attributes:
        search: Whether to look for the largest batch that fits.
        train_examples: Training examples of the run, or None where not known.
        script: The script that would be run, for the line to paste.
        flags: Its flags by name.
    """

    search: bool
    train_examples: int | None
    script: str
    flags: Mapping[str, str]


class TpuReport:
    """Compiles the steps and says what came of it.

    Args:
        check: Compiles.
        wishes: What to say.

    Attributes:
        passed: Whether every step compiled and fitted, as far as the lines have come.
    """

    def __init__(self, check: TpuCheck, wishes: ReportOptions) -> None:
        self._check = check
        self._wishes = wishes
        self.passed = True

    def lines(self) -> Iterator[str]:
        """Compiles step by step and yields a line as soon as it is known."""
        check, batch = self._check, self._check.per_replica_batch
        yield check.describe()
        try:
            training = check.training_step(batch)
            yield self._verdict(f"training step, {batch} examples a device", training)
            yield self._verdict("evaluation step", check.evaluation_step())
            if (writing := check.writing_step()) is not None:
                yield self._verdict("search step", writing)
        except CompilationError as error:
            self.passed = False
            yield f"does not compile: {error}"
            return
        yield from self._bounds(training)
        if self._wishes.search:
            yield self._largest(batch, training)
        if self.passed:
            yield f"To run it: {self._command()}"

    def _verdict(self, step: str, answer: StepAnswer) -> str:
        compiled = answer.compiled
        known = compiled.memory is not None
        used = f"{(compiled.memory or 0) / _GIB:.2f} of" if known else "more than"
        room = f"{used} {answer.capacity / _GIB:.2f} GiB HBM"
        took = f"compiled in {compiled.compile_seconds:.0f} s"
        if compiled.only_lowered:
            return f"{step}: lowers to XLA, NOT COMPILED: {compiled.only_lowered}"
        if compiled.fits:
            return f"{step}: compiles and fits, {room} ({took})"
        self.passed = False
        return f"{step}: DOES NOT FIT, needs {room}"

    def _bounds(self, answer: StepAnswer) -> Iterator[str]:
        if not answer.compiled.fits:
            return
        compiled, seconds = answer.compiled, answer.seconds
        yield (
            f"one call on each device: {compiled.flops / 1e12:.3g} TFLOP, at least "
            f"{compiled.bytes_accessed / 1e9:.3g} GB moved"
        )
        updates = self._check.updates_per_call
        yield (
            f"roofline: at least {seconds / updates * 1e3:.3g} ms an update, bound by "
            f"{answer.bound_by}; at most "
            f"{self._check.global_batch * updates / seconds:,.0f} examples/s"
        )
        if self._wishes.train_examples is not None:
            total = self._check.total_updates(self._wishes.train_examples)
            hours = total * seconds / updates / 3600
            yield f"the run: {total} updates, at least {hours:.2g} h on the device"

    def _largest(self, batch: int, training: StepAnswer) -> str:
        known = {batch: training}

        def attempt(candidate: int) -> Trial:
            if candidate not in known:
                known[candidate] = self._check.training_step(candidate)
            answer = known[candidate]
            return Trial(candidate, fits=answer.compiled.fits, share=answer.share)

        best = largest_batch(attempt, batch=batch)
        if best is None:
            return "largest batch that fits: none, not even 1 example a device"
        whole = best.batch * self._check.devices * self._check.accumulation
        return (
            f"largest batch that fits: {best.batch} examples a device "
            f"(--train_batch_size={whole}){_untried(known.values())}"
        )

    def _command(self) -> str:
        chosen = {"accelerator": "tpu", "backend": self._check.backend.value}
        return command(self._wishes.script, flags={**self._wishes.flags, **chosen})


def command(script: str, *, flags: Mapping[str, str]) -> str:
    """The line to paste.

    Args:
        script: Of a `runtime.preflight.workload.Pipeline`, maybe with flags of its own.
        flags: By name.
    """
    given = [f"--{name}={value}" for name, value in flags.items()]
    return shlex.join(["python", *shlex.split(script), *given])


def _untried(answers: Iterable[StepAnswer]) -> str:
    found_an_end = any(not answer.compiled.fits for answer in answers)
    return "" if found_an_end else "; larger were not tried"
