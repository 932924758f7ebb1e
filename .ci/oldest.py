"""Print pins of the oldest versions that pyproject.toml declares for what the package runs on."""

import sys
import tomllib

project = tomllib.load(open(sys.argv[1], "rb"))["project"]
extras = project["optional-dependencies"]
for requirement in sum((extras[name] for name in ("cli", "arrow", "torch", "jax")), project["dependencies"]):
    print(requirement.replace(">=", "=="))
