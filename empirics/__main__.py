"""`python -m empirics figure1 --dataset mnist5k`: the experiments of section 4, at any scale."""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from rich.console import Console  # noqa: E402

console = Console()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 if it was done, 2 for bad input."""
    from empirics.images.experiment import run
    from empirics.images.presets import preset
    from empirics.images.runs import Place
    from empirics.images.threads import threads

    options = _parser().parse_args(arguments)
    out = Path(options.out)
    try:
        settings = preset(options.dataset, options.preset, seeds=options.seeds)
        console.print(f"{threads(options.threads)}", highlight=False)
        place = Place(out / "runs", options.data_root, lambda text: print(text, flush=True))
        result = run(options.experiment, settings, place, out)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for v in result.verdicts:
        print(v.role, v.claim, v.values, v.mean, v.low, v.high, v.outcome)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m empirics")
    parser.add_argument("experiment")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--out", default="report/section4")
    parser.add_argument("--data-root")
    parser.add_argument("--threads", type=int)
    return parser


if __name__ == "__main__":
    sys.exit(main())
