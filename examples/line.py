"""A simulator of one's own: points measured on a straight line."""

import torch

from darksieve.problem import Description, Simulator


class Line(Simulator):
    parameters = ("intercept", "slope")
    descriptions = {
        "intercept": Description("mag", "a"),
        "slope": Description("mag / d", "b"),
        "brightness": Description("mag", "m"),
    }

    def __init__(self, points=20, noise=0.1):
        self.days = torch.linspace(-1, 1, points)
        self.noise = noise

    def simulate(self, z, generator):
        return {"brightness": z[:, :1] + z[:, 1:] * self.days.to(z)}

    def observe(self, signal, generator):
        noise = torch.randn(signal["brightness"].shape, generator=generator, device=generator.device)
        return {"brightness": signal["brightness"] + self.noise * noise}
