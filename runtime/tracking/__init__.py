"""A run's record shown elsewhere while it runs: a reader of its files.

follower.py     reads what a run writes, beside it
mlflow_run.py   MLflow's own client
settings.py     who is shown a run
"""
