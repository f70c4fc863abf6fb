"""`python -m constructions.certify MODEL.onnx PROPERTY.vnnlib`: see `constructions.exchange.command`."""

if __name__ != "__main__":
    # Imported, this module would take the place of the function.
    raise ImportError("constructions.certify is a function: from constructions import certify")

import sys

from constructions.exchange.command import main

sys.exit(main())
