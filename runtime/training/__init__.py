"""A training run: its folder, its loop, its record, how it stops.

best_watch.py         which evaluation is the best, and whether to wait for a better
distribution.py       how a run is dealt to devices and processes
evaluation_settings.py what a run is told of the evaluations on its way
evaluations.py        what is measured on the way, and what it says on how to go on
feed_ahead.py         the next call's batches, made while the devices do this one's
guards.py             watches the losses of a run
job.py                a run whose settings fit each other; what it goes on from
loop.py               from the first update to the last: calls, checkpoints, metrics
model.py              a run's model, to be trained or to be measured
pace.py               how many updates between two looks at whether to stop
peers.py              whether the other processes of a run are still there
preemption_notice.py  Google Cloud's notice that the machine will be taken away
progress.py           the progress line
run_lock.py           one run at a time in an output directory
run_record.py         run.json, metrics.jsonl
run_settings.py       what every run that trains is told
same_run.py           whether a folder's checkpoints are this run's; what differs
signal_watch.py       signals at the instant they come
stop_request.py       asked to stop, by a signal or a notice
trained_run.py        what a run brings along for those who evaluate it
training.py           a training run: its folder claimed, its updates done
unfinished_work.py    a folder for what long work has made so far
untrained.py          refuses to compute with what nothing has trained
"""
