"""What is right without learning anything."""

from golfast.run.config import override
from golfast.train import TrainConfig
from golfast.train.trivial import reached_without_learning, right_without_learning


def test_a_stop_below_what_a_dead_board_has_right_is_told():
    config = TrainConfig()
    shares = right_without_learning(config.data)
    assert 0.7 < shares["a dead board"] < 0.9  # about a fifth of the cells lives
    assert 0.5 < shares["the first state"] < 1
    assert reached_without_learning(config) is None
    assert "a dead board has" in reached_without_learning(override(config, {"stop": 0.5}))
    still = override(config, {"stop": 0.99, "data.rule": "B/S012345678"})
    assert "the first state has 100.0%" in reached_without_learning(still)
