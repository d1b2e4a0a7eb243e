"""`python -m hardencheck`."""

from hardencheck.cli.main import main

if __name__ == "__main__":
    main()
