"""`python -m benchmarks [NAME] [OPTIONS]`: one benchmark, or all of them."""

import importlib
import sys

ALL = (
    "startup",
    "speed",
    "numerics",
    "beside",
    "dreams",
    "dream_folder",
    "fleet",
    "orchestration",
    "task_runs",
    "quality",
    "verdicts",
    "store",
    "index_flips",
    "gallery",
    "activations",
    "exemplars",
    "pixels",
    "large_data",
)
BY_NAME_ONLY = (
    "training",  # wants real MNIST, and an hour
    "pictures",  # trains four networks, of which two want real MNIST
    "kills",  # takes a quarter of an hour, on S3 more than an hour; neither of these two measures speed
    "live_collection",
    "recognisable",  # wants a network for photographs, and an hour
    "plan",  # sweeps four networks, which takes an hour
    "night",  # two nights of twenty minutes
    "fleet_load",  # wants PostgreSQL, as root, and half an hour
    "image",  # wants debootstrap, as root, and ten minutes
    "month",  # thirty nights of half a minute
    "peers",  # wants such a network, and xplique in an environment of its own
)


def main() -> None:
    """Run what the first argument names; without one, everything."""
    names = sys.argv[1:2] or ALL
    unknown = [name for name in names if name not in ALL + BY_NAME_ONLY]
    if unknown:
        sys.exit(f"no benchmark {unknown[0]!r}: choose from {', '.join(ALL + BY_NAME_ONLY)}")
    for name in names:
        print(f"== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
