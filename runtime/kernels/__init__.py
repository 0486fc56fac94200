"""Arithmetic that is worth writing by hand, for TensorFlow and JAX.

next_token.py       cross-entropy over a vocabulary, without float32 logits
attention.py        attention, plain or by a device's own kernel
attention_gpu_jax.py
                    one kernel for GPUs, with its gradient and dropout
attention_tpu_jax.py
                    and one for TPUs
layer_stack.py      stacks of equal layers
layer_stack_jax.py  as a loop on the device, compiled once
fusion.py           marks functions worth one kernel
fusion_tf.py        compiles them with XLA inside TensorFlow's graph
dropout.py          masks that are a function of seed, step, slice and replica
random_bits_tf.py   the bits for them, on TensorFlow
random_bits_jax.py  and on JAX
portable.py         graphs for programs that know fewer operations
lookup.py           rows of a table; of an embedding, measured by row
lookup_gpu_jax.py   with a gradient that is fast where a GPU must repeat its bits
"""
