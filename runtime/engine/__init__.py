"""The step: one contract, two engines with equal results.

engine.py              the contract of a step engine
engine_jax.py          it on JAX: the state of a program on the devices
engine_tf.py           it on TensorFlow: one device, replicas, or a program on a TPU
objectives.py          what classifiers optimise, on any backend
optimization.py        optimisers and schedules as pure functions
optimizer_settings.py  which optimiser and schedule
program_jax.py         K updates as one pure program over a mesh
recompute_jax.py       which of its two training programs: the faster, the smaller
"""
