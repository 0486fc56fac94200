"""Ground floor: where and on what a run runs. Knows no text and no model.

placement.py           accelerator, backend and precision become one frozen Placement
placement_tf.py        TensorFlow's devices, workers and strategies
placement_jax.py       JAX's devices and mesh
engine.py              the contract of a step engine
engine_tf.py           it on TensorFlow: one device, replicas, or a program on a TPU
engine_jax.py          it on JAX: the state of a program on the devices
program_jax.py         K updates as one pure program over a mesh
objectives.py          what classifiers optimise, on any backend
device_settings.py     flags that say on which devices a run runs
run_settings.py        what every run that trains is told
job.py                 a run whose settings fit each other; what it goes on from
training.py            a training run: its folder claimed, its updates done
distribution.py        how a run is dealt to devices and processes
tpu_environment.py     what TensorFlow needs to find a TPU, and why it finds none
workload.py            what a device computes in a run, without the data
loop.py                from the first update to the last: calls, checkpoints, metrics
pace.py                how many updates between two looks at whether to stop
optimization.py        optimisers and schedules as pure functions
optimizer_settings.py  which optimiser and schedule
same_run.py            whether a folder's checkpoints are this run's; what differs
trained_run.py         what a run brings along for those who evaluate it
foreign_checkpoints.py  checkpoints of other programs in a folder
untrained.py           refuses to compute with what nothing has trained
checkpoint_manifest.py  their files, with checksums
checkpoints.py         complete-or-absent checkpoints in safetensors
run_record.py          run.json, metrics.jsonl
progress.py            the progress line
settings.py            how a settings field becomes a flag
errors.py              the errors a run can end with
"""
