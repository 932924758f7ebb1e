"""Print pins of the oldest versions that pyproject.toml declares for what the package runs on."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
for requirements in (
    project["dependencies"],
    *(
        extras[n]
        for n in ("cli", "arrow", "fast", "torch", "jax", "tensorflow", "tinygrad", "keras")
    ),
):
    for requirement in requirements:
        print(requirement.replace(">=", "=="))
        if requirement.startswith("tensorflow"):  # what the tests install
            print(requirement.replace("tensorflow>=", "tensorflow-cpu=="))
