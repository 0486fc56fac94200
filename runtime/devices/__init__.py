"""Which devices a run runs on: accelerator, backend, precision.

keras_backend.py    Keras, on the backend of a run
placement.py        accelerator, backend and precision become one frozen Placement
placement_jax.py    JAX's devices and mesh
placement_tf.py     TensorFlow's devices, workers and strategies
processor.py        what the processor says of itself
settings.py         flags that say on which devices a run runs
tpu_environment.py  what TensorFlow needs to find a TPU, and why it finds none
"""
