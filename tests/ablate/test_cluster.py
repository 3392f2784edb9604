"""A sweep on a real Ray cluster of two nodes, one of which is killed on the way."""

import os
import threading
import time
from pathlib import Path

import fake_trials as fake
import pytest

from golfast.ablate.cluster import RayExecutor
from golfast.ablate.jobs import State
from golfast.ablate.plan import Plan
from golfast.ablate.store import Store
from golfast.ablate.sweep import sweep
from golfast.errors import Failure

pytest.importorskip("ray", reason="Ray is not installed (extra 'ray')")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


@pytest.fixture
def cluster(monkeypatch):
    from ray.cluster_utils import Cluster

    ours = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", ours)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield made
    made.shutdown()


def test_a_sweep_survives_the_death_of_a_node(tmp_path, cluster):
    second = cluster.add_node(num_cpus=2)
    cluster.wait_for_nodes()
    plan = Plan(fake.sweep_rows(a=9, b=3))
    watcher = fake.Silent()

    def kill_when_it_works():
        while len(list(tmp_path.glob("ended-*"))) < 3:
            time.sleep(0.02)
        cluster.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill_when_it_works)
    killer.start()
    work = fake.Fake(tmp_path, 0.3, fails=(2,))
    with Store.writing(tmp_path / "results.sqlite") as store:
        with RayExecutor(work, address=cluster.address) as executor:
            assert executor.workers == 3
            sweep(plan, executor, store, watcher=watcher, name="ray")
            patience = time.monotonic() + 60  # the cluster learns of a death when it next asks after the node
            while executor.workers != 1 and time.monotonic() < patience:
                time.sleep(0.1)
            assert executor.workers == 1
        killer.join()
        found = {trial.name: trial for trial in store.trials()}
    assert any("its node or process was lost" in line for line in watcher.said)
    assert [row.count(plan.states, State.COUNTED) for row in plan.rows] == [9, 3]
    failed = [trial for trial in found.values() if trial.state is State.FAILED]
    assert [(trial.seed, trial.reason) for trial in failed] == [
        (2, "training diverged: the loss is nan at step 50")
    ] * 2
    there, _ = fake.run(tmp_path, fake.Fake(tmp_path, fails=tuple(range(20))), rows=fake.sweep_rows(a=9, b=3))
    assert there.states == plan.states  # what one executor finished, another does not run again


def test_a_cluster_that_is_not_there():
    with pytest.raises(Failure, match="cannot be reached"):
        RayExecutor(fake.Fake(Path()), address="127.0.0.1:1")
