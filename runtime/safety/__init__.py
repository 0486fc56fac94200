"""What keeps a run from losing work: copies, locks, signals, guards.

guards.py             watches the losses of a run
stop_request.py       asked to stop, by a signal or a notice
signal_watch.py       signals at the instant they come
peers.py              whether the other processes of a run are still there
preemption_notice.py  Google Cloud's notice that the machine will be taken away
checkpoint_keeper.py  written while training goes on
retention.py          which are kept and which go
run_lock.py           one run at a time in an output directory
unfinished_work.py    a folder for what long work has made so far
"""
