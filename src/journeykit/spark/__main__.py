"""``python -m journeykit.spark``, or the program that ``spark-submit`` runs."""

import sys
from pathlib import Path

# Run as a file, this folder is the first where Python looks for modules; none of them is meant.
sys.path[:] = [path for path in sys.path if not path or Path(path).resolve() != Path(__file__).resolve().parent]

from journeykit.spark.spark_command import main  # noqa: E402  (after the path is set)

if __name__ == "__main__":
    sys.exit(main())
