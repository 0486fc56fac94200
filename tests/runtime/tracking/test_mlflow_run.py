"""MLflow's own client on a store of files."""

import pytest

from runtime.tracking.follower import follow
from runtime.tracking.mlflow_run import MlflowRun

mlflow = pytest.importorskip("mlflow")

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:mlflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture
def client(tmp_path, monkeypatch):
    """A client of a store in a folder, which runs go to as well."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "words")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"file://{tmp_path}/store")
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(before)


def runs(client):
    experiment = client.get_experiment_by_name("words")
    return client.search_runs([experiment.experiment_id])


def test_settings_metrics_and_reports_are_there(client, tmp_path):
    folder = tmp_path / "it's a run"
    folder.mkdir()
    long = "長" * 10_000
    with follow(str(folder), lambda: MlflowRun(str(folder))):
        (folder / "run.json").write_text(
            '{"settings": {"learning_rate": 0.1, "labels": ["a", "b"], "x": null,'
            f' "note": "{long}", "{"n" * 300}": 1, "a=b?": true}},'
            ' "fingerprints": {"bert_config": {"hidden_size": 8}},'
            ' "versions": {"keras": "3"}}'
        )
        lines = [f'{{"step": {n}, "loss": {n / 2}}}\n' for n in range(1500)]
        (folder / "metrics.jsonl").write_text("".join(lines))
        (folder / "report.html").write_text("<p>")
    [run] = runs(client)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "it's a run")
    params = run.data.params
    assert params["learning_rate"] == "0.1"
    assert params["labels"] == '["a", "b"]'
    assert params["x"] == "null"
    assert params["a_b_"] == "true"
    assert params["fingerprints.bert_config.hidden_size"] == "8"
    assert params["versions.keras"] == "3"
    limit = mlflow.utils.validation.MAX_PARAM_VAL_LENGTH
    assert params["note"] == long[: limit - 3] + "..."
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(n, n / 2) for n in range(1500)]
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert names == {"metrics.jsonl", "report.html", "run.json"}


def test_one_that_was_killed_is_marked_by_the_next(client, tmp_path):
    MlflowRun(str(tmp_path))
    mlflow.tracking.fluent._active_run_stack.set([])  # as if its process had died
    MlflowRun(str(tmp_path)).close("FINISHED")
    assert sorted(run.info.status for run in runs(client)) == ["FINISHED", "KILLED"]
