"""The same ascent in PyTorch, eager and batched; run by the Python of an environment that has it, see `speed`.

    PYTHON speed_torch.py FOLDER

Reads the convolutions up to the layer from FOLDER/weights.npz (`kernel0`, `bias0`, ...; a rectifier behind each, a
maximum over 2x2 behind all but the last) and FOLDER/plan.json. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

LEAK, MOMENTUM = 0.01, 0.8


def main(folder: Path) -> None:
    """Say how many seconds an image-step takes in each call."""
    plan = json.loads((folder / "plan.json").read_text())
    torch.set_num_threads(plan["threads"])
    with np.load(folder / "weights.npz") as found:
        count = len(found.files) // 2
        # Keras has (height, width, in, out)
        kernels = [torch.tensor(found[f"kernel{at}"].transpose(3, 2, 0, 1).copy()) for at in range(count)]
        biases = [torch.tensor(found[f"bias{at}"]) for at in range(count)]
    units, rates = torch.arange(plan["batch"]), np.asarray(plan["rates"], np.float32)
    start = torch.randn((plan["batch"], kernels[0].shape[1], *plan["sides"]), generator=torch.manual_seed(0))

    def seen(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Response and mean pre-activation, [B] each."""
        for at in range(count - 1):
            images = functional.max_pool2d(functional.relu(functional.conv2d(images, kernels[at], biases[at])), 2)
        before = functional.conv2d(images, kernels[-1], biases[-1])[units, units]
        return functional.relu(before).mean((1, 2)), before.mean((1, 2))

    def standardised(images: torch.Tensor) -> torch.Tensor:
        images = images - images.mean((1, 2, 3), keepdim=True)
        return images / images.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-6)

    def run() -> float:
        begun = time.perf_counter()
        images, velocity = standardised(start), torch.zeros_like(start)
        best, score = images, torch.full((len(start),), -torch.inf)
        for rate in rates:
            images = images.detach().requires_grad_()
            response, before = seen(images)
            (gradient,) = torch.autograd.grad((response + LEAK * before).sum(), images)
            with torch.no_grad():
                now = torch.where(response > 0, response, before.clamp_max(0))
                better = now > score
                best = torch.where(better[:, None, None, None], images, best)
                score = torch.where(better, now, score)
                gradient = gradient - gradient.mean((1, 2, 3), keepdim=True)
                gradient = gradient - images * (gradient * images).mean((1, 2, 3), keepdim=True)
                gradient = gradient / gradient.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-12)
                velocity = MOMENTUM * velocity + gradient
                images = standardised(images + float(rate) * velocity)
        with torch.no_grad():
            seen(images)
        return (time.perf_counter() - begun) / len(rates) / len(start)

    run()
    print(json.dumps({"seconds": [run() for _ in range(plan["calls"])], "torch": torch.__version__}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
