"""`python -m empirics figure1 --dataset mnist5k`: the experiments of section 4, at any scale."""

import os
import sys

from empirics.images.experiments.arguments import parser, settings
from empirics.images.training.threads import passive_environment


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 if it was done, 2 for bad input, 130 if it was interrupted."""
    options = parser().parse_args(arguments)
    try:
        given = None if options.draw else settings(options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    # Not before the arguments are read: it loads torch.
    from empirics.images.experiments.command import perform

    return perform(options, given)


if __name__ == "__main__":
    if "OMP_WAIT_POLICY" not in os.environ:
        # Threads that spin while they wait make a busy machine many times slower, and OpenMP reads this when loaded.
        os.execve(sys.executable, [sys.executable, "-m", "empirics", *sys.argv[1:]], passive_environment())
    sys.exit(main())
