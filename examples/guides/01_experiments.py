"""Experiments: one run with runs nested in it, their parameters, the history of a metric, tags, and a search.

MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python 01_experiments.py

What is tried out is how fast gradient descent goes down a parabola with different learning rates.
"""

import mlflow

EXPERIMENT = "guide 1: experiments"
START, STEPS = 4.0, 10

mlflow.set_experiment(EXPERIMENT)
mlflow.set_experiment_tag("topic", "gradient descent")

with mlflow.start_run(run_name="learning rates") as parent:
    mlflow.log_params({"start": START, "steps": STEPS})
    mlflow.set_tag("curve", "parabola")

    for rate in (0.05, 0.4, 1.1):
        with mlflow.start_run(run_name=f"rate {rate}", nested=True):
            mlflow.log_param("rate", rate)
            position = START
            for step in range(STEPS):
                position -= rate * 2 * position
                mlflow.log_metric("height", position**2, step=step)
            mlflow.set_tag("verdict", "converges" if abs(position) < START else "diverges")

    mlflow.log_text("Below 1.0 it converges.\n", "notes.txt")

# A search takes conditions on parameters, metrics and tags, and returns a data frame.
found = mlflow.search_runs(
    experiment_names=[EXPERIMENT],
    filter_string=f"tags.`mlflow.parentRunId` = '{parent.info.run_id}' and tags.verdict = 'converges'",
    order_by=["metrics.height ASC"],
)
print(found[["params.rate", "metrics.height", "tags.verdict"]].to_string(index=False))

# The search returns the last value of a metric; its complete history is stored as well.
history = mlflow.MlflowClient().get_metric_history(found["run_id"][0], "height")
print("the best one, step by step:", [f"{point.value:.2g}" for point in history])
