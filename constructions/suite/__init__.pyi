from constructions.suite.declaring import Claims, claims
from constructions.suite.failure import CheckFailed, NotChecked
from constructions.suite.running import Summary, check_memorizer, checks_of, parametrize_with_checks

__all__ = [
    "check_memorizer",
    "parametrize_with_checks",
    "checks_of",
    # what a builder claims
    "claims",
    "Claims",
    # what comes of a check
    "CheckFailed",
    "NotChecked",
    "Summary",
]
