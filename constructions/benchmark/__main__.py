"""`python -m constructions.benchmark OUT`: write a soundness benchmark for verifiers, in VNN-COMP's layout."""

import argparse
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 if the folder was written, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m constructions.benchmark",
        description="Write networks and properties whose answers are theorems, each proved again on the files.",
    )
    parser.add_argument("out", metavar="OUT", help="the folder, new or empty")
    parser.add_argument("--seed", type=int, default=0, help="of the samples, of searches and of training")
    parser.add_argument("--size", choices=("small", "full"), default="small", help="small by default: half a minute")
    options = parser.parse_args(arguments)
    # Late, so that help and faults of the arguments need not wait for what builds networks.
    from constructions.benchmark.folder import write_benchmark

    try:
        made = write_benchmark(options.out, size=options.size, seed=options.seed, progress=True)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{made.instances} instances, {made.bytes / 1e6:.1f} MB, written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
