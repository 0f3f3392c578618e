"""`python -m pacs.cli`."""

from pacs.cli import main

if __name__ == "__main__":
    main()
