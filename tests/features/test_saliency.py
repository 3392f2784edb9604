import numpy as np
import pytest
import torch
from torch import nn

from golfast.features import NumbersLook, PlanesLook, Probe, Space, logit
from golfast.features.looks import RAISED
from golfast.features.saliency import Played, draw_played, heat_words, occlusion, saliency

ZERO, ONE = torch.tensor(0.0), torch.tensor(1.0)


class Agent(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.flat = nn.Flatten()
        self.policy, self.value = nn.Linear(inputs, 3), nn.Linear(inputs, 1)

    def forward(self, x):
        return self.policy(self.flat(x)), self.value(self.flat(x))


def played(inputs):
    steps = len(inputs)
    return Played(
        inputs=inputs,
        chances=np.full((steps, 3), 1 / 3, np.float32),
        values=np.linspace(0, 1, steps, dtype=np.float32),
        actions=np.arange(steps) % 3,
        scores=np.zeros(steps, np.float32),
        names=("stay", "left", "right"),
    )


def test_saliency_of_a_linear_score_is_its_weights_times_the_range():
    torch.manual_seed(0)
    agent, space = Agent(4), Space((4,), torch.tensor([-1.0, -2.0, 0.0, 0.0]), torch.tensor([1.0, 2.0, 1.0, 3.0]))
    found = saliency(Probe(agent), logit("policy", [0, 2]), torch.zeros(2, 4), space)
    expected = agent.policy.weight.detach()[[0, 2]].abs() * torch.tensor([2.0, 4.0, 1.0, 3.0])
    torch.testing.assert_close(found, expected)
    with pytest.raises(ValueError, match="copies is 0"):
        saliency(Probe(agent), logit("policy", 0), torch.zeros(2, 4), space, copies=0)


def test_occlusion_of_a_linear_score_is_the_weight_of_what_is_there():
    torch.manual_seed(0)
    agent, space = Agent(2 * 3 * 4), Space((2, 3, 4), ZERO, ONE)
    boards = (torch.rand(5, 2, 3, 4) > 0.6).float()
    found = occlusion(Probe(agent), logit("policy", [0, 2, 1, 0, 1]), boards, space)
    expected = (agent.policy.weight.detach()[[0, 2, 1, 0, 1]].view(5, 2, 3, 4) * boards).sum(1, keepdim=True).abs()
    torch.testing.assert_close(found, expected)


def test_an_episode_is_drawn_with_heat_where_the_value_hangs():
    agent = Agent(2 * 5 * 5)
    with torch.no_grad():
        agent.policy.weight.zero_()
        agent.value.weight.zero_()
        agent.value.weight[0, 25 + 7] = 1.0  # row 1, column 2 of the second plane
    space, look = Space((2, 5, 5), ZERO, ONE), PlanesLook(("ball", "brick"))
    seen = torch.zeros(3, 2, 5, 5)
    seen[:, 0], seen[:, 1, 1:3] = 1, 1
    frames = draw_played(Probe(agent), played(seen), space, look, policy="policy", critic="value", title="a game")
    assert len({frame.size for frame in frames}) == 1
    assert len(frames) == 3
    red = (np.asarray(frames[0]) == (230, 30, 30)).all(2)
    rows, _ = np.nonzero(red)
    assert len(rows) > 500
    assert np.ptp(rows) < 50
    states = Space((4,), -ONE, ONE)
    numbers = NumbersLook(tuple("abcd"), [-1.0] * 4, [1.0] * 4)
    drawn = draw_played(
        Probe(Agent(4)), played(torch.zeros(2, 4)), states, numbers, policy="policy", critic="value", title="a cart"
    )
    assert len(drawn) == 2
    assert heat_words(look).startswith("Red:")
    colours = {colour for _, colour in drawn[0].getcolors(1 << 20)}
    assert heat_words(numbers).startswith("Orange bars:")
    assert RAISED in colours
    assert (230, 30, 30) not in colours
    with pytest.raises(ValueError, match="an episode of no steps"):
        draw_played(
            Probe(Agent(4)), played(torch.zeros(0, 4)), states, numbers, policy="policy", critic="value", title=""
        )
