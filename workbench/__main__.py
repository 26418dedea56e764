"""Run the command line: `workbench`, or `python -m workbench`."""

import sys

from workbench.extras import missing_package


def main() -> None:
    """Run the command line, or say which extra it needs and exit with 2."""
    try:
        from workbench.cli.main import main as run
    except ImportError as error:
        refusal = missing_package(error)
        if refusal is None:
            raise
        print(f"Error: {refusal}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
