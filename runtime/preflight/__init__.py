"""Compiles the real steps of a run for a TPU that is not there.

settings.py      what a check is told
check.py         compiles the steps, and keeps the answers
report.py        what came of it, as lines
topologies.py    TPUs by name: how many, how large, how fast
compilation.py   what a compiler says of a step
compiler_jax.py  the TPU compiler, asked without a TPU
batch_search.py  the largest batch that fits, by few compilations
flops_jax.py     arithmetic of a traced function
lowering_jax.py  a workload lowered by JAX
lowering_tf.py   lowered by TensorFlow
hlo_jax.py       and compiled by jaxlib
workload.py      what a device computes in a run, without the data
"""
